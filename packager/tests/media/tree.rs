//! Boxes as a tree that tests can alter: lengths are set right when it is written.

/// Boxes that hold boxes, and how many bytes come before those.
const CONTAINERS: &[(&[u8; 4], usize)] = &[
    (b"moov", 0),
    (b"trak", 0),
    (b"mdia", 0),
    (b"minf", 0),
    (b"stbl", 0),
    (b"edts", 0),
    (b"stsd", 8),
    (b"avc1", 78),
    (b"mp4a", 28),
    (b"moof", 0),
];

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) name: [u8; 4],
    /// What comes before the boxes inside, or all there is.
    pub(crate) fields: Vec<u8>,
    pub(crate) inside: Vec<Node>,
}

impl Node {
    pub(crate) fn new(name: [u8; 4], fields: &[u8]) -> Self {
        Self { name, fields: fields.to_vec(), inside: Vec::new() }
    }

    /// The boxes of `bytes`, which all have lengths of 32 bits.
    pub(crate) fn read(mut bytes: &[u8]) -> Vec<Self> {
        let mut nodes = Vec::new();
        while !bytes.is_empty() {
            let len = u32::from_be_bytes(*bytes.first_chunk().unwrap()) as usize;
            let (whole, rest) = bytes.split_at(len);
            let (head, content) = whole.split_at(8);
            let name = *head[4..].first_chunk().unwrap();
            let fields_len = CONTAINERS
                .iter()
                .find(|(container, _)| **container == name)
                .map_or(content.len(), |found| found.1);
            let (fields, inside) = content.split_at(fields_len);
            nodes.push(Self { name, fields: fields.to_vec(), inside: Self::read(inside) });
            bytes = rest;
        }
        nodes
    }

    pub(crate) fn write(nodes: &[Self]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for node in nodes {
            let inside = Self::write(&node.inside);
            let len = u32::try_from(8 + node.fields.len() + inside.len()).unwrap();
            bytes.extend(len.to_be_bytes());
            bytes.extend(node.name);
            bytes.extend(&node.fields);
            bytes.extend(inside);
        }
        bytes
    }

    /// The first box at the end of a path of names.
    pub(crate) fn at<'a>(nodes: &'a mut [Self], path: &[&[u8; 4]]) -> &'a mut Self {
        let found = nodes.iter_mut().find(|node| node.name == *path[0]).unwrap();
        if path.len() == 1 { found } else { Self::at(&mut found.inside, &path[1..]) }
    }

    /// The numbers of 32 bits in the fields from `offset` on.
    pub(crate) fn numbers(&self, offset: usize) -> Vec<u32> {
        self.fields[offset..]
            .chunks_exact(4)
            .map(|four| u32::from_be_bytes(*four.first_chunk().unwrap()))
            .collect()
    }
}

//! Sums of products in GF(2^8) with vector instructions: what nearly all time of the erasure code goes into.
//!
//! Multiplication by a constant is linear over the bits of a byte. With GFNI it is one instruction (an 8×8 bit matrix);
//! with AVX2 it is two look-ups, one for each half of the byte. Other machines get nothing done here and go the slow way.

#![expect(
    unsafe_code,
    reason = "vector loads, stores and calls of functions compiled for a detected CPU feature"
)]

/// The reduction polynomial x^8 + x^4 + x^3 + x^2 + 1 without its leading term (spec §4).
const POLYNOMIAL: u8 = 0x1d;

/// Multiplication by one constant, in the forms that vector instructions want.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Factor {
    /// Rows of the bit matrix, the most significant bit of the product in the lowest byte.
    matrix: u64,
    /// Products with 0x00, 0x01 … 0x0f.
    low: [u8; 16],
    /// Products with 0x00, 0x10 … 0xf0.
    high: [u8; 16],
}

impl Factor {
    pub(crate) fn new(value: u8) -> Self {
        let mut low = [0; 16];
        let mut high = [0; 16];
        let mut matrix = [0u8; 8];
        let mut product = value; // value · 2^bit
        for bit in 0..8 {
            let table = if bit < 4 { &mut low } else { &mut high };
            for (index, entry) in table.iter_mut().enumerate() {
                *entry ^= if index >> (bit % 4) & 1 == 1 { product } else { 0 };
            }
            for (row, bits) in matrix.iter_mut().enumerate() {
                *bits |= (product >> (7 - row) & 1) << bit;
            }
            let carry = if product & 0x80 == 0 { 0 } else { POLYNOMIAL };
            product = product << 1 ^ carry;
        }
        Self { matrix: u64::from_le_bytes(matrix), low, high }
    }
}

/// Writes `Σ factors[i] · inputs[i]` to the beginning of `out` and returns how many bytes it wrote: as many as
/// fill whole vectors of this machine, none on a machine without a kernel.
pub(crate) fn sum_of_products(factors: &[Factor], inputs: &[&[u8]], out: &mut [u8]) -> usize {
    assert_eq!(factors.len(), inputs.len());
    assert!(inputs.iter().all(|input| input.len() == out.len()));
    #[cfg(target_arch = "x86_64")]
    {
        x86::sum_of_products(factors, inputs, out)
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        0
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        _mm_loadu_si128, _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_loadu_si256, _mm256_set1_epi8,
        _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_srli_epi64, _mm256_storeu_si256, _mm256_xor_si256,
        _mm512_gf2p8affine_epi64_epi8, _mm512_loadu_si512, _mm512_set1_epi64, _mm512_setzero_si512,
        _mm512_storeu_si512, _mm512_xor_si512,
    };

    use super::Factor;

    pub(super) fn sum_of_products(factors: &[Factor], inputs: &[&[u8]], out: &mut [u8]) -> usize {
        if is_x86_feature_detected!("gfni") && is_x86_feature_detected!("avx512f") {
            // SAFETY: the CPU was just found to have the features that the function is compiled for.
            unsafe { gfni512(factors, inputs, out) }
        } else if is_x86_feature_detected!("avx2") {
            // SAFETY: as above.
            unsafe { avx2(factors, inputs, out) }
        } else {
            0
        }
    }

    /// 256 bytes at a time: four vectors share what is loaded of a factor.
    #[target_feature(enable = "gfni,avx512f")]
    pub(super) fn gfni512(factors: &[Factor], inputs: &[&[u8]], out: &mut [u8]) -> usize {
        let (runs, _) = out.as_chunks_mut::<256>();
        for (index, run) in runs.iter_mut().enumerate() {
            let mut sums = [_mm512_setzero_si512(); 4];
            for (factor, input) in factors.iter().zip(inputs) {
                let matrix = _mm512_set1_epi64(factor.matrix.cast_signed());
                let (vectors, _) = input[index * 256..][..256].as_chunks::<64>();
                for (sum, vector) in sums.iter_mut().zip(vectors) {
                    // SAFETY: the array has the 64 bytes that are read; alignment is not asked for.
                    let bytes = unsafe { _mm512_loadu_si512(vector.as_ptr().cast()) };
                    *sum = _mm512_xor_si512(*sum, _mm512_gf2p8affine_epi64_epi8::<0>(bytes, matrix));
                }
            }
            for (vector, sum) in run.as_chunks_mut::<64>().0.iter_mut().zip(sums) {
                // SAFETY: the array has the 64 bytes that are written.
                unsafe { _mm512_storeu_si512(vector.as_mut_ptr().cast(), sum) };
            }
        }
        runs.len() * 256
    }

    /// 128 bytes at a time: four vectors share what is loaded of a factor.
    #[target_feature(enable = "avx2")]
    pub(super) fn avx2(factors: &[Factor], inputs: &[&[u8]], out: &mut [u8]) -> usize {
        let nibble = _mm256_set1_epi8(0x0f);
        let (runs, _) = out.as_chunks_mut::<128>();
        for (index, run) in runs.iter_mut().enumerate() {
            let mut sums = [_mm256_setzero_si256(); 4];
            for (factor, input) in factors.iter().zip(inputs) {
                let [low, high] = [factor.low, factor.high].map(|table| {
                    // SAFETY: the table has the 16 bytes that are read; alignment is not asked for.
                    _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(table.as_ptr().cast()) })
                });
                let (vectors, _) = input[index * 128..][..128].as_chunks::<32>();
                for (sum, vector) in sums.iter_mut().zip(vectors) {
                    // SAFETY: the array has the 32 bytes that are read.
                    let bytes = unsafe { _mm256_loadu_si256(vector.as_ptr().cast()) };
                    let low = _mm256_shuffle_epi8(low, _mm256_and_si256(bytes, nibble));
                    let high =
                        _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi64::<4>(bytes), nibble));
                    *sum = _mm256_xor_si256(*sum, _mm256_xor_si256(low, high));
                }
            }
            for (vector, sum) in run.as_chunks_mut::<32>().0.iter_mut().zip(sums) {
                // SAFETY: the array has the 32 bytes that are written.
                unsafe { _mm256_storeu_si256(vector.as_mut_ptr().cast(), sum) };
            }
        }
        runs.len() * 128
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Multiplication bit by bit.
    fn product(mut a: u8, b: u8) -> u8 {
        (0..8).fold(0, |sum, bit| {
            let term = if b >> bit & 1 == 1 { a } else { 0 };
            a = (a << 1) ^ ((a >> 7) * POLYNOMIAL);
            sum ^ term
        })
    }
    use proptest::prelude::*;

    fn reference(factors: &[u8], inputs: &[&[u8]], out: &mut [u8]) {
        for (index, byte) in out.iter_mut().enumerate() {
            *byte = factors
                .iter()
                .zip(inputs)
                .fold(0, |sum, (&factor, input)| sum ^ product(factor, input[index]));
        }
    }

    type Kernel = fn(&[Factor], &[&[u8]], &mut [u8]) -> usize;

    /// Every kernel that this machine can run, by name.
    fn kernels() -> Vec<(&'static str, Kernel)> {
        let mut kernels: Vec<(_, Kernel)> = vec![("chosen", sum_of_products)];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("gfni") && is_x86_feature_detected!("avx512f") {
                // SAFETY: the features were just detected.
                kernels
                    .push(("gfni512", |factors, inputs, out| unsafe { x86::gfni512(factors, inputs, out) }));
            }
            if is_x86_feature_detected!("avx2") {
                // SAFETY: the feature was just detected.
                kernels.push(("avx2", |factors, inputs, out| unsafe { x86::avx2(factors, inputs, out) }));
            }
        }
        kernels
    }

    #[test]
    fn every_product() {
        let bytes: Vec<u8> = (0..=255).collect();
        for factor in 0..=255 {
            let prepared = Factor::new(factor);
            for &byte in &bytes {
                let split = prepared.low[usize::from(byte & 15)] ^ prepared.high[usize::from(byte >> 4)];
                assert_eq!(split, product(factor, byte), "{factor} · {byte}");
            }
            for (name, kernel) in kernels() {
                let (mut found, mut expected) = ([0xaa; 256], [0; 256]);
                reference(&[factor], &[&bytes], &mut expected);
                let written = kernel(&[prepared], &[&bytes], &mut found);
                assert_eq!(found[..written], expected[..written], "{name}: {factor}");
                assert!(written == 256 || name == "chosen");
            }
        }
    }

    proptest! {
        #[test]
        fn sums_of_any_length(
            factors in prop::collection::vec(any::<u8>(), 0..12),
            len in 0usize..1500,
            seed: u64,
        ) {
            let mut bytes = vec![0; len * factors.len() + 1];
            blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
            // From byte 1 on, so that nothing is aligned.
            let inputs: Vec<&[u8]> = (0..factors.len()).map(|i| &bytes[1 + i * len..][..len]).collect();
            let prepared: Vec<Factor> = factors.iter().map(|&factor| Factor::new(factor)).collect();
            let mut expected = vec![0; len];
            reference(&factors, &inputs, &mut expected);
            for (name, kernel) in kernels() {
                let mut found = vec![0xaa; len];
                let written = kernel(&prepared, &inputs, &mut found);
                prop_assert!(written <= len && (len - written < 256 || name == "chosen"), "{}", name);
                prop_assert_eq!(&found[..written], &expected[..written], "{}", name);
                prop_assert!(found[written..].iter().all(|&byte| byte == 0xaa), "{} writes too much", name);
            }
        }
    }
}

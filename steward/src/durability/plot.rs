//! The picture.

use plotters::prelude::{
    BLACK, ChartBuilder, Color, IntoDrawingArea, IntoFont, IntoLogRange, LineSeries, PathElement, RGBColor,
    SVGBackend, SeriesLabelPosition, WHITE,
};

/// Width and height of the picture in pixels.
const SIZE: (u32, u32) = (860, 520);
const FONT: (&str, u32) = ("sans-serif", 15);
const TITLE_FONT: (&str, u32) = ("sans-serif", 19);

/// Colours that differ in lightness too, for whoever sees them alike (Okabe and Ito, 2008).
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];

/// A line of the picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// What it is, for the legend.
    pub name: String,
    /// Both coordinates of its points.
    pub points: Vec<(f64, f64)>,
}

/// What the axes of a picture say. The one below is logarithmic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axes {
    /// Below.
    pub x: &'static str,
    /// On the left.
    pub y: &'static str,
    /// True when the left one is logarithmic too.
    pub is_y_logarithmic: bool,
}

impl Axes {
    /// Nines of durability per year over losses of a node per year.
    pub const NINES: Self =
        Self { x: "losses of a node per year", y: "nines of durability per year", is_y_logarithmic: false };
}

/// An SVG picture, one line a curve.
pub fn plot(title: &str, axes: &Axes, curves: &[Curve]) -> Result<String, PlotError> {
    let curves: Vec<_> = curves.iter().map(|curve| scaled(curve, axes)).collect();
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let most = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::NEG_INFINITY, f64::max);
    let (left, right) =
        (-most(&mut points().map(|point| -point.0)), most(&mut points().map(|point| point.0)));
    if !(left > 0.0 && left < right) {
        return Err(PlotError::Empty);
    }
    let top = most(&mut points().map(|point| point.1)).max(1.0) * 1.05;
    let mut svg = String::new();
    draw(&mut svg, title, axes, &curves, (left..right, 0.0..top))
        .map_err(|error| PlotError::Drawing(error.to_string()))?;
    Ok(svg)
}

/// The curve with the logarithms of its values, where they are wanted and there are any.
fn scaled(curve: &Curve, axes: &Axes) -> Curve {
    let points = curve.points.iter().copied();
    let points = if axes.is_y_logarithmic {
        points.filter(|point| point.1 > 0.0).map(|(x, y)| (x, y.log10())).collect()
    } else {
        points.collect()
    };
    Curve { name: curve.name.clone(), points }
}

fn draw(
    svg: &mut String,
    title: &str,
    axes: &Axes,
    curves: &[Curve],
    (losses, nines): (std::ops::Range<f64>, std::ops::Range<f64>),
) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, TITLE_FONT.into_font())
        .margin(14)
        .x_label_area_size(44)
        .y_label_area_size(54)
        .build_cartesian_2d(losses.log_scale(), nines)?;
    chart
        .configure_mesh()
        .x_desc(axes.x)
        .y_desc(axes.y)
        .x_label_formatter(&|value| format!("{value}"))
        .y_label_formatter(&|value| {
            if axes.is_y_logarithmic { format!("{:.0}", 10_f64.powf(*value)) } else { format!("{value}") }
        })
        .label_style(FONT.into_font())
        .draw()?;
    for (curve, colour) in curves.iter().zip(COLOURS.iter().cycle()) {
        chart
            .draw_series(LineSeries::new(curve.points.iter().copied(), colour.stroke_width(2)))?
            .label(&curve.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerLeft)
        .margin(16)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .label_font(FONT.into_font())
        .draw()?;
    area.present()?;
    Ok(())
}

/// Why there is no picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlotError {
    /// Nothing to draw.
    #[error("there is nothing to draw: it takes two points that differ, to the right of 0")]
    Empty,
    /// What the drawing library says.
    #[error("cannot draw: {0}")]
    Drawing(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_shows_every_curve() {
        let curves = ["5+3 & more", "16+16"]
            .map(|name| Curve { name: name.to_owned(), points: vec![(0.01, 12.0), (0.1, 7.0), (1.0, 2.0)] });
        let svg = plot("nines", &Axes::NINES, &curves).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        assert!(svg.matches("<polyline").count() >= 2);
        assert!(svg.contains("5+3 &amp; more") && svg.contains("16+16"));
    }

    #[test]
    fn a_logarithmic_axis_names_the_values_themselves() {
        let axes = Axes { x: "hours", y: "units", is_y_logarithmic: true };
        let curve =
            Curve { name: "1000".to_owned(), points: vec![(1.0, 0.0), (2.0, 100.0), (3.0, 10_000.0)] };
        let svg = plot("queue", &axes, &[curve]).unwrap();
        assert!(svg.contains("\n100\n") && svg.contains("\n10000\n") && svg.contains("\nunits\n"), "{svg}");
    }

    #[test]
    fn nothing_is_no_picture() {
        assert_eq!(plot("nines", &Axes::NINES, &[]), Err(PlotError::Empty));
        let point = Curve { name: String::new(), points: vec![(0.1, 1.0)] };
        assert_eq!(plot("nines", &Axes::NINES, &[point]), Err(PlotError::Empty));
    }
}

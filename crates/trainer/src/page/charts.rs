//! The report's charts, as SVG.

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

/// Width and height of a chart.
const SIZE: (u32, u32) = (760, 420);

/// Told apart with any colour vision (Okabe & Ito).
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];

const TEXT: RGBColor = RGBColor(60, 60, 60);
const GRID: RGBColor = RGBColor(225, 225, 225);
const FONT: &str = "system-ui, sans-serif";

/// A named value, perhaps with half the width of its interval.
#[derive(Debug, Clone)]
pub(crate) struct Bar {
    /// What it is of.
    pub name: String,
    /// The value.
    pub value: f64,
    /// Half the interval's width.
    pub half: Option<f64>,
    /// A value to compare with, such as chance, marked beside it.
    pub beside: Option<f64>,
}

/// A point of a scatter with its name.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    /// What it is of.
    pub name: String,
    /// Along a logarithmic axis; above 0.
    pub x: f64,
    /// Up.
    pub y: f64,
    /// Half the width of y's interval.
    pub half: Option<f64>,
}

/// A line with its name.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// What it is of.
    pub name: String,
    /// Its points.
    pub points: Vec<(f64, f64)>,
}

/// Draws into a string.
fn draw(
    size: (u32, u32),
    draw: impl FnOnce(DrawingArea<SVGBackend, Shift>) -> Result<(), Failure>,
) -> Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let drawn = area.fill(&WHITE).map_err(Failure::from);
        drawn
            .and_then(|()| draw(area))
            .map_err(|Failure(why)| anyhow!("chart: {why}"))?;
    }
    Ok(svg)
}

/// What a drawing says went wrong.
struct Failure(String);

impl<E: std::error::Error + Send + Sync> From<DrawingAreaErrorKind<E>> for Failure {
    fn from(error: DrawingAreaErrorKind<E>) -> Self {
        Self(error.to_string())
    }
}

/// What every chart has around it: its title, and room for the labels below and on the left.
fn frame<'a, 's>(
    area: &'a DrawingArea<SVGBackend<'s>, Shift>,
    title: &str,
    [below, left]: [u32; 2],
) -> ChartBuilder<'a, 'static, SVGBackend<'s>> {
    let mut builder = ChartBuilder::on(area);
    builder
        .caption(title, font(17))
        .margin(12)
        .x_label_area_size(below)
        .y_label_area_size(left);
    builder
}

fn font(size: u32) -> TextStyle<'static> {
    (FONT, size).into_font().color(&TEXT)
}

/// From a little below the least to a little above the most.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
        (low.min(v), high.max(v))
    });
    if low > high {
        return (0.0, 1.0);
    }
    let margin = ((high - low) * 0.08).max(1e-6);
    (low - margin, high + margin)
}

/// Horizontal bars with their intervals, the first on top.
pub(crate) fn bars(title: &str, bars: &[Bar]) -> Result<String> {
    let ends = bars.iter().flat_map(|bar| {
        let half = bar.half.unwrap_or(0.0);
        [
            bar.value - half,
            bar.value + half,
            bar.beside.unwrap_or(bar.value),
        ]
    });
    let (low, high) = range(ends.chain([0.0]));
    let (low, high) = (low.min(0.0), high.max(0.0));
    let low = if low > -0.02 * high { 0.0 } else { low };
    // Room for the value's text behind the longest bar.
    let high = high + 0.12 * (high - low);
    let size = (SIZE.0, 80 + 26 * bars.len() as u32);
    draw(size, |area| {
        let count = bars.len();
        let mut chart =
            frame(&area, title, [30, 180]).build_cartesian_2d(low..high, 0f64..count as f64)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(GRID)
            .y_labels(0)
            .x_label_style(font(12))
            .draw()?;
        for (index, bar) in bars.iter().enumerate() {
            let middle = (count - index) as f64 - 0.5;
            let (bottom, top) = (middle - 0.36, middle + 0.36);
            let colour = COLOURS[0].mix(0.75);
            let body = [(0.0, bottom), (bar.value, top)];
            chart.draw_series([Rectangle::new(body, colour.filled())])?;
            if let Some(half) = bar.half {
                let ends = [(bar.value - half, middle), (bar.value + half, middle)];
                chart.draw_series([PathElement::new(ends, TEXT.stroke_width(2))])?;
            }
            if let Some(beside) = bar.beside {
                let mark = [(beside, bottom), (beside, top)];
                chart.draw_series([PathElement::new(mark, COLOURS[1].stroke_width(3))])?;
            }
            let (_, y) = chart.backend_coord(&(0.0, middle));
            area.draw_text(&bar.name, &font(13), (14, y - 7))?;
            let end = bar.value.max(0.0) + bar.half.unwrap_or(0.0).max(0.0);
            let (x, _) = chart.backend_coord(&(end.max(bar.beside.unwrap_or(end)), middle));
            area.draw_text(&format!("{:.3}", bar.value), &font(12), (x + 6, y - 6))?;
        }
        area.present()?;
        Ok(())
    })
}

/// Points along a logarithmic axis, each with its name.
pub(crate) fn scatter(title: &str, x: &str, y: &str, points: &[Point]) -> Result<String> {
    let (low, high) = range(points.iter().flat_map(|point| {
        let half = point.half.unwrap_or(0.0);
        [point.y - half, point.y + half]
    }));
    let xs = points.iter().map(|point| point.x);
    let (left, right) = xs.fold((f64::INFINITY, 0f64), |(l, r), x| (l.min(x), r.max(x)));
    let (left, right) = if points.is_empty() {
        (1.0, 10.0)
    } else {
        (left / 2.0, right * 4.0)
    };
    draw(SIZE, |area| {
        let mut chart = frame(&area, title, [44, 64])
            .build_cartesian_2d((left..right).log_scale(), low..high)?;
        chart
            .configure_mesh()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(GRID)
            .x_desc(x)
            .y_desc(y)
            .label_style(font(12))
            .axis_desc_style(font(13))
            .x_label_formatter(&|x| quantity(*x))
            .y_label_formatter(&|y| format!("{y:.3}"))
            .draw()?;
        for (index, point) in points.iter().enumerate() {
            let colour = COLOURS[index % COLOURS.len()];
            if let Some(half) = point.half {
                let ends = [(point.x, point.y - half), (point.x, point.y + half)];
                chart.draw_series([PathElement::new(ends, colour.stroke_width(1))])?;
            }
            let place = (point.x, point.y);
            chart.draw_series([Circle::new(place, 4, colour.filled())])?;
            chart.draw_series([Text::new(
                format!("  {}", point.name),
                place,
                (FONT, 12).into_font().color(&colour),
            )])?;
        }
        area.present()?;
        Ok(())
    })
}

/// Lines over a common axis.
pub(crate) fn lines(title: &str, x: &str, lines: &[Line]) -> Result<String> {
    let all = || lines.iter().flat_map(|line| line.points.iter());
    let (left, right) = range(all().map(|point| point.0));
    let (low, high) = range(all().map(|point| point.1));
    draw(SIZE, |area| {
        let mut chart = frame(&area, title, [44, 64]).build_cartesian_2d(left..right, low..high)?;
        chart
            .configure_mesh()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(GRID)
            .x_desc(x)
            .label_style(font(12))
            .axis_desc_style(font(13))
            .draw()?;
        for (index, line) in lines.iter().enumerate() {
            let colour = COLOURS[index % COLOURS.len()];
            let series = LineSeries::new(line.points.iter().copied(), colour.stroke_width(2));
            chart
                .draw_series(series)?
                .label(&line.name)
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2))
                });
        }
        chart
            .configure_series_labels()
            .background_style(WHITE.mix(0.85))
            .border_style(GRID)
            .label_font(font(12))
            .draw()?;
        area.present()?;
        Ok(())
    })
}

/// `1.2k`, `3M`: a tick of a logarithmic axis.
fn quantity(value: f64) -> String {
    let (scaled, unit) = match value {
        v if v >= 1e6 => (v / 1e6, "M"),
        v if v >= 1e3 => (v / 1e3, "k"),
        v => (v, ""),
    };
    let text = format!("{scaled:.1}");
    format!("{}{unit}", text.strip_suffix(".0").unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_hold_what_they_are_given() {
        let bar = |name: &str, value| Bar {
            name: name.into(),
            value,
            half: Some(0.01),
            beside: Some(0.2),
        };
        let svg = bars("F1 <by> arm", &[bar("kd", 0.8), bar("a & b", 0.5)]).unwrap();
        assert!(svg.contains("kd") && svg.contains("a &amp; b") && svg.contains("&lt;by&gt;"));
        let point = Point {
            name: "teacher".into(),
            x: 9e7,
            y: 0.86,
            half: None,
        };
        assert!(
            scatter("t", "bytes", "accuracy", &[point])
                .unwrap()
                .contains("teacher")
        );
        let line = Line {
            name: "loss".into(),
            points: vec![(1.0, 0.5), (2.0, 0.25)],
        };
        assert!(lines("t", "epoch", &[line]).unwrap().contains("loss"));
    }

    #[test]
    fn charts_of_nothing_are_empty_and_no_error() {
        bars("t", &[]).unwrap();
        scatter("t", "x", "y", &[]).unwrap();
        lines("t", "x", &[]).unwrap();
    }

    #[test]
    fn ticks_are_short() {
        let ticks = [1.0, 999.5, 1500.0, 2e6].map(quantity);
        assert_eq!(ticks, ["1", "999.5", "1.5k", "2M"]);
    }
}

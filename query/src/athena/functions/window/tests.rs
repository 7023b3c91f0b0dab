//! Frames against computing each of them anew, and what must never be carried from one into another.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray, Decimal128Array, Float64Array, Int64Array};
use arrow::datatypes::{DataType, Float64Type};

use super::compute;
use crate::athena::analyze::typed::{Bound, Frame, Kind, Offset, Typed, WindowCall};
use crate::athena::ast::{FrameUnit, Span};
use crate::athena::eval::{Column, Env, Session};
use crate::athena::functions::aggregate;
use crate::athena::functions::scalar::Call;
use crate::athena::types::Type;

const DECIMAL: Type = Type::Decimal { precision: 12, scale: 2 };
/// Aggregates that have a way of their own over frames, with the types they take and what they give.
const AGGREGATES: [(&str, &[Type], Type); 30] = [
    ("count", &[], Type::Bigint),
    ("count", &[Type::Double], Type::Bigint),
    ("count_if", &[Type::Boolean], Type::Bigint),
    ("bool_and", &[Type::Boolean], Type::Boolean),
    ("bool_or", &[Type::Boolean], Type::Boolean),
    ("any_value", &[Type::Double], Type::Double),
    ("sum", &[Type::Double], Type::Double),
    ("sum", &[Type::Bigint], Type::Bigint),
    ("sum", &[DECIMAL], Type::Decimal { precision: 38, scale: 2 }),
    ("sum", &[Type::IntervalDay], Type::IntervalDay),
    ("avg", &[Type::Double], Type::Double),
    ("avg", &[Type::Bigint], Type::Double),
    ("avg", &[DECIMAL], DECIMAL),
    ("avg", &[Type::IntervalDay], Type::IntervalDay),
    ("min", &[Type::Double], Type::Double),
    ("max", &[Type::Double], Type::Double),
    ("min", &[Type::Bigint], Type::Bigint),
    ("max", &[DECIMAL], DECIMAL),
    ("min", &[Type::Boolean], Type::Boolean),
    ("max_by", &[Type::Bigint, Type::Double], Type::Bigint),
    ("min_by", &[Type::Double, Type::Bigint], Type::Double),
    ("var_pop", &[Type::Double], Type::Double),
    ("var_samp", &[Type::Bigint], Type::Double),
    ("stddev", &[Type::Double], Type::Double),
    ("stddev_pop", &[Type::Double], Type::Double),
    ("covar_pop", &[Type::Double, Type::Double], Type::Double),
    ("covar_samp", &[Type::Double, Type::Double], Type::Double),
    ("corr", &[Type::Double, Type::Double], Type::Double),
    ("regr_slope", &[Type::Double, Type::Double], Type::Double),
    ("regr_intercept", &[Type::Double, Type::Double], Type::Double),
];

fn session() -> Session {
    Session::default()
}

/// Numbers that are the same every time (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 % u64::from(below)).unwrap()
    }

    /// Prices, among them some that are none: NULL, NaN, infinite.
    fn price(&mut self) -> Option<f64> {
        match self.next(120) {
            0..12 => None,
            12 => Some(f64::NAN),
            13 => Some(f64::INFINITY),
            _ => Some(100.0 + f64::from(self.next(10_000)) / 97.0),
        }
    }

    fn values(&mut self, ty: &Type, rows: usize) -> ArrayRef {
        let mut whole = || (self.next(9) > 0).then(|| i64::from(self.next(2_000_000)) - 1_000_000);
        match ty {
            Type::Double => Arc::new((0..rows).map(|_| self.price()).collect::<Float64Array>()),
            Type::Boolean => Arc::new((0..rows).map(|_| whole().map(|x| x > -800_000)).collect::<BooleanArray>()),
            Type::Decimal { .. } => {
                let values: Decimal128Array = (0..rows).map(|_| whole().map(i128::from)).collect();
                Arc::new(values.with_precision_and_scale(12, 2).unwrap())
            }
            _ => Arc::new((0..rows).map(|_| whole()).collect::<Int64Array>()),
        }
    }

    /// How far frames reach: all so far, or each as it likes.
    fn reach(&mut self, rows: usize) -> Vec<i64> {
        let widest = u32::try_from(rows).unwrap() + 10;
        let (slides, all) = (self.next(2) == 0, self.next(widest));
        (0..rows).map(|_| i64::from(if slides { all } else { self.next(widest) })).collect()
    }
}

fn column(id: usize, ty: Type) -> Typed {
    Typed::new(Kind::Column(id), ty, Span::default())
}

/// A call over a frame of rows that columns 8 and 9 say, of arguments from column 0 on.
fn call(name: &'static str, types: &[Type], returns: &Type) -> WindowCall {
    let offset = |id| Offset { by: column(id, Type::Bigint), edge: None };
    let frame = Frame { unit: FrameUnit::Rows, start: Bound::Preceding(offset(8)), end: Bound::Following(offset(9)) };
    let arguments = types.iter().cloned().enumerate().map(|(id, ty)| column(id, ty)).collect();
    let (partition_by, order_by) = (Vec::new(), Vec::new());
    let call = WindowCall::ranking(name, partition_by, order_by);
    WindowCall { arguments, frame: Some(frame), returns: returns.clone(), ..call }
}

fn over(call: &WindowCall, values: &[ArrayRef], before: &[i64], after: &[i64]) -> ArrayRef {
    let session = session();
    let offsets = [(8, before), (9, after)].map(|(id, by)| (id, Arc::new(Int64Array::from(by.to_vec())) as ArrayRef));
    let columns = values.iter().cloned().enumerate().chain(offsets).map(|(id, values)| (id, Column::new(values)));
    compute(call, &Env::new(&session, before.len(), columns.collect())).unwrap()
}

/// What the aggregate itself gives for some rows.
fn anew(call: &WindowCall, values: &[ArrayRef], from: usize, rows: usize) -> ArrayRef {
    let session = session();
    let types: Vec<Type> = call.arguments.iter().map(|argument| argument.ty.clone()).collect();
    let arguments: Vec<Column> = values.iter().map(|values| Column::new(values.slice(from, rows))).collect();
    let (name, returns) = (call.name, &call.returns);
    let call = Call { name, arguments: &arguments, types: &types, lambdas: &[], returns, rows, session: &session };
    aggregate::find(name, &types, returns).unwrap().reduce(&call).unwrap()
}

fn agree(ours: &ArrayRef, theirs: &ArrayRef) -> bool {
    if ours.data_type() != &DataType::Float64 || ours.is_null(0) || theirs.is_null(0) {
        return ours == theirs;
    }
    let (ours, theirs) = (ours.as_primitive::<Float64Type>().value(0), theirs.as_primitive::<Float64Type>().value(0));
    // Of values that hardly hang together a covariance is near zero, and no digit of it is certain.
    let near = (ours - theirs).abs() <= 1e-12 * theirs.abs().max(1.0);
    near || ours == theirs || (ours.is_nan() && theirs.is_nan())
}

#[test]
fn a_frame_never_has_another_value_than_its_rows_alone() {
    let mut numbers = Numbers(42);
    for (name, types, returns) in &AGGREGATES {
        let call = call(name, types, returns);
        for _ in 0..8 {
            let rows = 1 + numbers.next(300) as usize;
            let values: Vec<ArrayRef> = types.iter().map(|ty| numbers.values(ty, rows)).collect();
            let (before, after) = (numbers.reach(rows), numbers.reach(rows));
            let ours = over(&call, &values, &before, &after);
            for row in 0..rows {
                let at = |by: i64| usize::try_from(by).unwrap();
                let (start, end) = (row.saturating_sub(at(before[row])), (row + at(after[row]) + 1).min(rows));
                let (one, theirs) = (ours.slice(row, 1), anew(&call, &values, start, end - start));
                assert!(agree(&one, &theirs), "{name} {types:?} of rows {start} to {end} of {rows}: {one:?} {theirs:?}");
            }
        }
    }
}

/// A frame of the row and so many before it.
fn sliding(name: &'static str, returns: &Type, values: Vec<f64>, width: i64) -> Vec<f64> {
    sliding_of(name, returns, &[values], width)
}

/// As `sliding`, of several arguments.
fn sliding_of(name: &'static str, returns: &Type, arguments: &[Vec<f64>], width: i64) -> Vec<f64> {
    let rows = arguments[0].len();
    let types = vec![Type::Double; arguments.len()];
    let arguments: Vec<ArrayRef> = arguments.iter().map(|x| Arc::new(Float64Array::from(x.clone())) as ArrayRef).collect();
    let result = over(&call(name, &types, returns), &arguments, &vec![width - 1; rows], &vec![0; rows]);
    result.as_primitive::<Float64Type>().values().to_vec()
}

#[test]
fn what_left_a_frame_never_leaves_a_trace() {
    for width in [3, 100] {
        let clean: Vec<f64> = (0..1000).map(|i| f64::from(i % 7)).collect();
        let mut spoilt = clean.clone();
        (spoilt[0], spoilt[1], spoilt[2], spoilt[3]) = (f64::NAN, f64::INFINITY, 1e300, -1e-300);
        for name in ["sum", "avg", "stddev_pop", "var_pop"] {
            let from = usize::try_from(width).unwrap() + 4;
            let (ours, theirs) =
                (sliding(name, &Type::Double, spoilt.clone(), width), sliding(name, &Type::Double, clean.clone(), width));
            assert_eq!(ours[from..], theirs[from..], "{name} of {width} rows");
        }
    }
}

#[test]
fn a_variance_is_never_below_zero_nor_lost_in_large_numbers() {
    for width in [2, 20, 300] {
        let constant = sliding("var_pop", &Type::Double, vec![0.1; 1000], width);
        assert!(constant.iter().all(|variance| (0.0..1e-30).contains(variance)), "{constant:?}");
        let far: Vec<f64> = (0..1000).map(|i| 1e9 + f64::from(i % 2)).collect();
        let last = sliding("var_pop", &Type::Double, far, width)[999];
        assert!((last - 0.25).abs() < 1e-6, "{last}");
    }
}

/// What a frame gives when nothing is known of the one before: two passes over its values, `y` and, for two arguments, `x`.
fn of_two_passes(name: &str, y: &[f64], x: &[f64]) -> f64 {
    let n = y.len() as f64;
    let (mean_x, mean_y) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let products =
        |a: &[f64], mean_a: f64, b: &[f64], mean_b: f64| a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b)).sum::<f64>();
    let (xx, xy, yy) = (products(x, mean_x, x, mean_x), products(x, mean_x, y, mean_y), products(y, mean_y, y, mean_y));
    match name {
        "sum" => n * mean_y,
        "avg" => mean_y,
        "var_pop" => yy / n,
        "stddev_samp" => (yy / (n - 1.0)).sqrt(),
        "covar_samp" => xy / (n - 1.0),
        "corr" => xy / (xx * yy).sqrt(),
        "regr_slope" => xy / xx,
        _ => mean_y - xy / xx * mean_x,
    }
}

#[test]
fn a_million_rows_never_drift_away_from_frames_computed_anew() {
    const ROWS: usize = 1_000_000;
    const WIDTH: usize = 300;
    let mut numbers = Numbers(7);
    let mut price = 100.0;
    let mut walk = |row: usize| {
        price *= 1.0 + (f64::from(numbers.next(2001)) - 1000.0) * 1e-7;
        // The level shifts tenfold in the middle; long before, one tick is no number.
        if row == 1000 {
            f64::NAN
        } else if row < ROWS / 2 {
            price
        } else {
            10.0 * price
        }
    };
    let prices: Vec<f64> = (0..ROWS).map(&mut walk).collect();
    let index: Vec<f64> = prices.iter().enumerate().map(|(row, price)| 7.0 * price + 0.01 * (row % 7) as f64).collect();
    for (name, arguments) in [
        ("sum", &[&prices][..]),
        ("avg", &[&prices]),
        ("var_pop", &[&prices]),
        ("stddev_samp", &[&prices]),
        ("covar_samp", &[&prices, &index]),
        ("corr", &[&prices, &index]),
        ("regr_slope", &[&prices, &index]),
        ("regr_intercept", &[&index, &prices]),
    ] {
        let arguments: Vec<Vec<f64>> = arguments.iter().map(|values| values.to_vec()).collect();
        let (y, x) = (&arguments[0], &arguments[arguments.len() - 1]);
        let ours = sliding_of(name, &Type::Double, &arguments, i64::try_from(WIDTH).unwrap());
        let mut worst: f64 = 0.0;
        for row in (2000..ROWS).step_by(7) {
            let frame = row + 1 - WIDTH..=row;
            let theirs = of_two_passes(name, &y[frame.clone()], &x[frame]);
            // An intercept is a difference of two levels, and certain to the last digits of those.
            let scale = if name == "regr_intercept" { y[row] } else { theirs };
            worst = worst.max(((ours[row] - theirs) / scale).abs());
            assert!(ours[row].is_finite(), "{name} of row {row}: {}", ours[row]);
            assert!(ours[row] > 0.0 || x != y, "{name} of row {row}: {}", ours[row]);
        }
        println!("{name}: {worst:e}");
        assert!(worst <= 1e-12, "{name}: {worst:e}");
    }
}

//! Values of arguments and results as Rust's own.
//!
//! Owns: reading them from arrays and writing arrays of them.
//! Does not own: which Arrow type a type has (`values::layout`).
//! Invariant: a value that does not fit the result's type is a fault, never cut off.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray as _, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array,
    Int8Array, Int16Array, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};

use super::Result;
use crate::athena::error::AthenaError;
use crate::athena::types::Type;
use crate::athena::values::layout::arrow_type;

/// How an argument is read.
pub(crate) trait Arg {
    /// A value of it.
    type Of<'a>;
    /// The array it is in.
    type Reader<'a>;
    fn reader(array: &ArrayRef) -> Result<Self::Reader<'_>>;
    /// The value at a place that is not NULL.
    fn get<'a>(reader: &Self::Reader<'a>, at: usize) -> Self::Of<'a>;
}

pub(crate) struct Bool;
/// Integers of every width; also what lies as one: dates, times of the day, timestamps of microseconds, intervals.
pub(crate) struct Int;
pub(crate) struct Real;
pub(crate) struct Double;
/// `varchar`, `char`, `json`.
pub(crate) struct Text;
pub(crate) struct Bytes;
/// Decimals, and what lies as one: see `values::layout`.
pub(crate) struct Wide;

fn wrong(array: &dyn Array) -> AthenaError {
    AthenaError::internal(&format!("values lie in memory as {}", array.data_type()))
}

impl Arg for Bool {
    type Of<'a> = bool;
    type Reader<'a> = &'a BooleanArray;

    fn reader(array: &ArrayRef) -> Result<&BooleanArray> {
        array.as_boolean_opt().ok_or_else(|| wrong(array))
    }

    fn get<'a>(reader: &Self::Reader<'a>, at: usize) -> Self::Of<'a> {
        reader.value(at)
    }
}

/// An array of integers.
pub(crate) enum Integers<'a> {
    I8(&'a Int8Array),
    I16(&'a Int16Array),
    I32(&'a Int32Array),
    I64(&'a Int64Array),
    Day(&'a Date32Array),
    Micros(&'a TimestampMicrosecondArray),
}

impl Arg for Int {
    type Of<'a> = i64;
    type Reader<'a> = Integers<'a>;

    fn reader(array: &ArrayRef) -> Result<Integers<'_>> {
        let found = match array.data_type() {
            DataType::Int8 => array.as_primitive_opt::<Int8Type>().map(Integers::I8),
            DataType::Int16 => array.as_primitive_opt::<Int16Type>().map(Integers::I16),
            DataType::Int32 => array.as_primitive_opt::<Int32Type>().map(Integers::I32),
            DataType::Int64 => array.as_primitive_opt::<Int64Type>().map(Integers::I64),
            DataType::Date32 => array.as_primitive_opt::<Date32Type>().map(Integers::Day),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                array.as_primitive_opt::<TimestampMicrosecondType>().map(Integers::Micros)
            }
            _ => None,
        };
        found.ok_or_else(|| wrong(array))
    }

    fn get<'a>(reader: &Self::Reader<'a>, at: usize) -> Self::Of<'a> {
        match reader {
            Integers::I8(array) => array.value(at).into(),
            Integers::I16(array) => array.value(at).into(),
            Integers::I32(array) => array.value(at).into(),
            Integers::I64(array) => array.value(at),
            Integers::Day(array) => array.value(at).into(),
            Integers::Micros(array) => array.value(at),
        }
    }
}

impl Arg for Real {
    type Of<'a> = f32;
    type Reader<'a> = &'a Float32Array;

    fn reader(array: &ArrayRef) -> Result<&Float32Array> {
        array.as_primitive_opt::<Float32Type>().ok_or_else(|| wrong(array))
    }

    fn get<'a>(reader: &Self::Reader<'a>, at: usize) -> Self::Of<'a> {
        reader.value(at)
    }
}

impl Arg for Double {
    type Of<'a> = f64;
    type Reader<'a> = &'a Float64Array;

    fn reader(array: &ArrayRef) -> Result<&Float64Array> {
        array.as_primitive_opt::<Float64Type>().ok_or_else(|| wrong(array))
    }

    fn get<'a>(reader: &Self::Reader<'a>, at: usize) -> Self::Of<'a> {
        reader.value(at)
    }
}

impl Arg for Text {
    type Of<'a> = &'a str;
    type Reader<'a> = &'a StringArray;

    fn reader(array: &ArrayRef) -> Result<&StringArray> {
        array.as_string_opt::<i32>().ok_or_else(|| wrong(array))
    }

    fn get<'a>(reader: &Self::Reader<'a>, at: usize) -> Self::Of<'a> {
        reader.value(at)
    }
}

impl Arg for Bytes {
    type Of<'a> = &'a [u8];
    type Reader<'a> = &'a BinaryArray;

    fn reader(array: &ArrayRef) -> Result<&BinaryArray> {
        array.as_binary_opt::<i32>().ok_or_else(|| wrong(array))
    }

    fn get<'a>(reader: &Self::Reader<'a>, at: usize) -> Self::Of<'a> {
        reader.value(at)
    }
}

impl Arg for Wide {
    type Of<'a> = i128;
    type Reader<'a> = &'a Decimal128Array;

    fn reader(array: &ArrayRef) -> Result<&Decimal128Array> {
        array.as_primitive_opt::<Decimal128Type>().ok_or_else(|| wrong(array))
    }

    fn get<'a>(reader: &Self::Reader<'a>, at: usize) -> Self::Of<'a> {
        reader.value(at)
    }
}

/// A value that becomes a column.
pub(crate) trait Produce: Sized {
    /// What it takes beyond a fixed number of bytes.
    fn bytes(&self) -> usize {
        0
    }
    /// The column, of the type as `values::layout` lays it out.
    fn array(values: Vec<Option<Self>>, ty: &Type) -> Result<ArrayRef>;
}

impl Produce for bool {
    fn array(values: Vec<Option<Self>>, _: &Type) -> Result<ArrayRef> {
        Ok(Arc::new(BooleanArray::from(values)))
    }
}

impl Produce for f64 {
    fn array(values: Vec<Option<Self>>, _: &Type) -> Result<ArrayRef> {
        Ok(Arc::new(Float64Array::from(values)))
    }
}

impl Produce for f32 {
    fn array(values: Vec<Option<Self>>, _: &Type) -> Result<ArrayRef> {
        Ok(Arc::new(Float32Array::from(values)))
    }
}

impl Produce for String {
    fn bytes(&self) -> usize {
        self.len()
    }

    fn array(values: Vec<Option<Self>>, _: &Type) -> Result<ArrayRef> {
        Ok(Arc::new(StringArray::from(values)))
    }
}

impl Produce for &str {
    fn bytes(&self) -> usize {
        self.len()
    }

    fn array(values: Vec<Option<Self>>, _: &Type) -> Result<ArrayRef> {
        Ok(Arc::new(StringArray::from(values)))
    }
}

impl Produce for Vec<u8> {
    fn bytes(&self) -> usize {
        self.len()
    }

    fn array(values: Vec<Option<Self>>, _: &Type) -> Result<ArrayRef> {
        Ok(Arc::new(BinaryArray::from_iter(values)))
    }
}

/// Of every type that lies as an integer.
impl Produce for i64 {
    fn array(values: Vec<Option<Self>>, ty: &Type) -> Result<ArrayRef> {
        fn narrow<T: TryFrom<i64>>(values: Vec<Option<i64>>, ty: &Type) -> Result<Vec<Option<T>>> {
            let one =
                |value: i64| T::try_from(value).map_err(|_| AthenaError::out_of_range(format!("Out of range for {ty}: {value}")));
            values.into_iter().map(|value| value.map(one).transpose()).collect()
        }
        Ok(match arrow_type(ty) {
            DataType::Int8 => Arc::new(Int8Array::from(narrow(values, ty)?)),
            DataType::Int16 => Arc::new(Int16Array::from(narrow(values, ty)?)),
            DataType::Int32 => Arc::new(Int32Array::from(narrow(values, ty)?)),
            DataType::Date32 => Arc::new(Date32Array::from(narrow(values, ty)?)),
            DataType::Int64 => Arc::new(Int64Array::from(values)),
            DataType::Timestamp(..) => Arc::new(TimestampMicrosecondArray::from(values)),
            other => return Err(AthenaError::internal(&format!("an integer is no {other}"))),
        })
    }
}

/// Decimals and what lies as one.
impl Produce for i128 {
    fn array(values: Vec<Option<Self>>, ty: &Type) -> Result<ArrayRef> {
        let DataType::Decimal128(precision, scale) = arrow_type(ty) else {
            return Err(AthenaError::internal(&format!("128 bits are no {ty}")));
        };
        let array = Decimal128Array::from(values).with_precision_and_scale(precision, scale);
        Ok(Arc::new(array.map_err(|error| AthenaError::internal(&error))?))
    }
}

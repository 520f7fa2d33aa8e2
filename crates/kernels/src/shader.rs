//! What the kernels have on the GPU: a shader of the same name and the layout of its parameters.
//!
//! Layout, for all shaders: the tokens of all texts follow one another, so activations are rows
//! `[tokens, columns]` with no padding and no mask; where texts matter, `offsets: [texts + 1]` says where
//! each begins, and text `i` is the tokens `offsets[i]..offsets[i + 1]`. Rows of int8 weights are padded
//! with zeros to whole words of four; 4-bit weights are as the bundle has them, eight to a word.
//! Parameters are binding 0; the others are in the order of the shader's declarations.

/// A kernel's WGSL.
#[derive(Clone, Copy, Debug)]
pub struct Shader {
    /// The file's name, without `.wgsl`.
    pub name: &'static str,
    /// The file.
    pub source: &'static str,
}

/// A kernel's parameters: `u32` and `f32` alone, as WGSL's `Params` has them.
pub trait Params {
    /// Every field's name and offset in bytes, in order.
    const FIELDS: &'static [(&'static str, usize)];

    /// What the uniform buffer holds.
    fn bytes(&self) -> Vec<u8>;
}

/// The shader of a name: `shader!("softmax")` is `shaders/softmax.wgsl`.
macro_rules! shader {
    ($name:literal) => {
        $crate::shader::Shader {
            name: $name,
            source: include_str!(concat!("../../../shaders/", $name, ".wgsl")),
        }
    };
}

/// Declares a kernel's `Params`, each field a `u32` or `f32`.
macro_rules! params {
    ($($(#[$doc:meta])* $field:ident: $type:ty,)*) => {
        /// Parameters of the shader.
        #[repr(C)]
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct Params {
            $($(#[$doc])* pub $field: $type,)*
        }

        impl $crate::shader::Params for Params {
            const FIELDS: &'static [(&'static str, usize)] =
                &[$((stringify!($field), std::mem::offset_of!(Params, $field)),)*];

            fn bytes(&self) -> Vec<u8> {
                [$(self.$field.to_le_bytes(),)*].concat()
            }
        }
    };
}

pub(crate) use {params, shader};

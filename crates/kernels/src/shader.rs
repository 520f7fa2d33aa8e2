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
    /// The file, without comments and indentation: a page waits for every byte.
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
    ($name:literal) => {{
        const FILE: &str = include_str!(concat!("../../../shaders/", $name, ".wgsl"));
        const BYTES: [u8; $crate::shader::bare_len(FILE)] = $crate::shader::bare(FILE);
        $crate::shader::Shader {
            name: $name,
            source: match std::str::from_utf8(&BYTES) {
                Ok(source) => source,
                Err(_) => panic!("comments end with their lines"),
            },
        }
    }};
}

/// Bytes of a file that [`bare`] leaves.
pub(crate) const fn bare_len(file: &str) -> usize {
    strip(file.as_bytes(), &mut [])
}

/// A file without `//` comments, indentation and empty lines.
pub(crate) const fn bare<const N: usize>(file: &str) -> [u8; N] {
    let mut out = [0; N];
    strip(file.as_bytes(), &mut out);
    out
}

/// Writes what is left of a file as far as there is room; answers how much is left.
const fn strip(file: &[u8], out: &mut [u8]) -> usize {
    let (mut at, mut len, mut begun) = (0, 0, false);
    while at < file.len() {
        let byte = file[at];
        if byte == b'/' && at + 1 < file.len() && file[at + 1] == b'/' {
            while at < file.len() && file[at] != b'\n' {
                at += 1;
            }
            continue;
        }
        at += 1;
        if !begun && (byte == b' ' || byte == b'\n') {
            continue;
        }
        begun = byte != b'\n';
        if len < out.len() {
            out[len] = byte;
        }
        len += 1;
    }
    len
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

#[cfg(test)]
mod tests {
    use super::{bare, bare_len};

    #[test]
    fn comments_and_indentation_go_and_code_stays() {
        const FILE: &str = "// Why — softly.\n\nfn f() {\n    let a = 1 / 2; // half\n\n}\n";
        const BARE: [u8; bare_len(FILE)] = bare(FILE);
        let want = "fn f() {\nlet a = 1 / 2; \n}\n";
        assert_eq!(str::from_utf8(&BARE), Ok(want));
    }
}

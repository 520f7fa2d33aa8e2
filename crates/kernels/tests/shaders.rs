//! The shaders parse, are valid, and take the parameters that their twins declare.

use std::collections::BTreeSet;
use std::mem::offset_of;
use std::path::Path;

use naga::valid::{Capabilities, ValidationFlags, Validator};
use naga::{Module, TypeInner};
use stillglass_kernels::path_points::Step;
use stillglass_kernels::shader::{Params, Shader};
use stillglass_kernels::{
    additive_attention, contributions, embedding, gelu, gelu_backward, head_backward, layer_norm,
    layer_norm_backward, linear, linear_backward, linear_int4, linear_int8, lstm,
    multi_head_attention, multi_head_attention_backward, path_contributions, path_points, pooling,
    pooling_backward, softmax, softmax_backward,
};

/// A shader and its twin's fields.
type Pair = (Shader, &'static [(&'static str, usize)]);

/// Every shader; the folder is compared with this list.
fn all() -> Vec<Pair> {
    macro_rules! pairs {
        ($($kernel:ident),*) => {
            vec![$(($kernel::SHADER, <$kernel::Params as Params>::FIELDS)),*]
        };
    }
    let mut all = pairs!(
        additive_attention,
        contributions,
        embedding,
        gelu,
        gelu_backward,
        head_backward,
        layer_norm,
        layer_norm_backward,
        linear,
        linear_backward,
        linear_int4,
        linear_int8,
        lstm,
        multi_head_attention,
        multi_head_attention_backward,
        path_contributions,
        path_points,
        pooling,
        pooling_backward,
        softmax,
        softmax_backward
    );
    all.push((linear_int8::SHADER_F16, linear_int8::Params::FIELDS));
    all.push((linear_int8::SHADER_PACKED, linear_int8::Params::FIELDS));
    all.push((embedding::SHADER_INT4, embedding::Params::FIELDS));
    all.push((
        linear_backward::SHADER_INT4,
        linear_backward::Params::FIELDS,
    ));
    all
}

fn parse(shader: Shader) -> Module {
    naga::front::wgsl::parse_str(shader.source).unwrap_or_else(|error| {
        panic!(
            "{}",
            error.emit_to_string_with_path(shader.source, shader.name)
        )
    })
}

/// Every field of a struct of the module: its name and offset.
fn fields(module: &Module, name: &str) -> Vec<(String, usize)> {
    let types = module.types.iter();
    let mut params = types.filter(|(_, ty)| ty.name.as_deref() == Some(name));
    let (_, params) = params.next().expect("the struct");
    let TypeInner::Struct { members, .. } = &params.inner else {
        panic!("{name} is no struct")
    };
    members
        .iter()
        .map(|member| (member.name.clone().expect("a name"), member.offset as usize))
        .collect()
}

#[test]
fn every_shader_is_valid() {
    for (shader, _) in all() {
        let capabilities = if shader.source.contains("enable f16;") {
            Capabilities::SHADER_FLOAT16
        } else {
            Capabilities::empty()
        };
        let mut validator = Validator::new(ValidationFlags::all(), capabilities);
        if let Err(error) = validator.validate(&parse(shader)) {
            panic!(
                "{}",
                error.emit_to_string_with_path(shader.source, shader.name)
            );
        }
    }
}

#[test]
fn parameters_lie_where_the_shader_looks() {
    for (shader, twin) in all() {
        let twin: Vec<(String, usize)> = twin
            .iter()
            .map(|&(name, at)| (name.to_owned(), at))
            .collect();
        assert_eq!(fields(&parse(shader), "Params"), twin, "{}", shader.name);
    }
    let moved = parse(Shader {
        name: "moved",
        source: "struct Params { b: u32, a: f32 }",
    });
    assert_eq!(
        fields(&moved, "Params"),
        [("b".to_owned(), 0), ("a".to_owned(), 4)]
    );
}

#[test]
fn steps_of_a_path_lie_where_the_shaders_look() {
    let twin = [
        ("row".to_owned(), offset_of!(Step, row)),
        ("position".to_owned(), offset_of!(Step, position)),
        ("share".to_owned(), offset_of!(Step, share)),
    ];
    for shader in [path_points::SHADER, path_contributions::SHADER] {
        assert_eq!(fields(&parse(shader), "Step"), twin, "{}", shader.name);
    }
}

#[test]
fn the_list_is_the_folder() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shaders");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let files: BTreeSet<String> = files.map(|name| name.into_string().unwrap()).collect();
    let listed: BTreeSet<String> = all()
        .iter()
        .map(|(shader, _)| format!("{}.wgsl", shader.name))
        .collect();
    assert_eq!(files, listed);
}

/// A file's first lines say what a shader is for, what it takes and what it is tested against; what is
/// built in has no comments.
#[test]
fn every_shader_names_its_twin() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shaders");
    for (shader, _) in all() {
        assert!(!shader.source.contains("//"), "{}", shader.name);
        let file = std::fs::read_to_string(folder.join(format!("{}.wgsl", shader.name))).unwrap();
        let header: String = file
            .lines()
            .take_while(|line| line.starts_with("//"))
            .collect();
        let stem = shader.name.split('.').next().unwrap();
        assert!(
            header.contains(&format!("Twin: kernels/src/{stem}.rs")),
            "{}: {header}",
            shader.name
        );
        assert!(header.contains("->"), "{}: {header}", shader.name);
    }
}

/// What WebGPU grants every page: no shader may want more.
#[test]
fn every_shader_keeps_within_the_default_limits() {
    for (shader, _) in all() {
        let module = parse(shader);
        let globals: Vec<_> = module
            .global_variables
            .iter()
            .map(|(_, global)| global)
            .collect();
        let storage =
            |space: &naga::AddressSpace| matches!(space, naga::AddressSpace::Storage { .. });
        assert!(
            globals.iter().filter(|g| storage(&g.space)).count() <= 8,
            "{}",
            shader.name
        );
        let size = |g: &&&naga::GlobalVariable| module.types[g.ty].inner.size(module.to_ctx());
        let shared = globals
            .iter()
            .filter(|g| g.space == naga::AddressSpace::WorkGroup);
        assert!(
            shared.map(|g| size(&g)).sum::<u32>() <= 16384,
            "{}",
            shader.name
        );
        for entry in &module.entry_points {
            assert!(
                entry.workgroup_size.iter().product::<u32>() <= 256,
                "{}",
                shader.name
            );
        }
    }
}

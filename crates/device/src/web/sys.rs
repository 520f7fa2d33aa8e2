//! The few methods of the browser's WebGPU that kernels need.

use js_sys::{Array, JsString, Object, Promise};
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    /// Any object of WebGPU; a method it does not have throws.
    #[derive(Clone, Debug)]
    pub(super) type Any;

    #[wasm_bindgen(method, catch, structural, js_name = requestAdapter)]
    pub(super) fn request_adapter(this: &Any, options: &Object) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, structural, js_name = requestDevice)]
    pub(super) fn request_device(this: &Any, descriptor: &Object) -> Result<Promise, JsValue>;

    /// Of a set of features.
    #[wasm_bindgen(method, catch, structural)]
    pub(super) fn has(this: &Any, feature: &str) -> Result<bool, JsValue>;

    #[wasm_bindgen(method, catch, structural)]
    pub(super) fn destroy(this: &Any) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch, structural, js_name = createBuffer)]
    pub(super) fn create_buffer(this: &Any, descriptor: &Object) -> Result<Any, JsValue>;

    #[wasm_bindgen(method, catch, structural, js_name = writeBuffer)]
    pub(super) fn write_buffer(
        this: &Any,
        buffer: &Any,
        at: f64,
        bytes: &[u8],
    ) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch, structural, js_name = createShaderModule)]
    pub(super) fn create_shader_module(this: &Any, descriptor: &Object) -> Result<Any, JsValue>;

    #[wasm_bindgen(method, catch, structural, js_name = createComputePipeline)]
    pub(super) fn create_compute_pipeline(this: &Any, descriptor: &Object) -> Result<Any, JsValue>;

    #[wasm_bindgen(method, catch, structural, js_name = getBindGroupLayout)]
    pub(super) fn get_bind_group_layout(this: &Any, index: u32) -> Result<Any, JsValue>;

    #[wasm_bindgen(method, catch, structural, js_name = createBindGroup)]
    pub(super) fn create_bind_group(this: &Any, descriptor: &Object) -> Result<Any, JsValue>;

    #[wasm_bindgen(method, catch, structural, js_name = createCommandEncoder)]
    pub(super) fn create_command_encoder(this: &Any) -> Result<Any, JsValue>;

    #[wasm_bindgen(method, catch, structural, js_name = beginComputePass)]
    pub(super) fn begin_compute_pass(this: &Any) -> Result<Any, JsValue>;

    #[wasm_bindgen(method, catch, structural, js_name = setPipeline)]
    pub(super) fn set_pipeline(this: &Any, pipeline: &Any) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch, structural, js_name = setBindGroup)]
    pub(super) fn set_bind_group(this: &Any, index: u32, group: &Any) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch, structural, js_name = dispatchWorkgroups)]
    pub(super) fn dispatch_workgroups(this: &Any, x: u32, y: u32, z: u32) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch, structural)]
    pub(super) fn end(this: &Any) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch, structural, js_name = copyBufferToBuffer)]
    pub(super) fn copy_buffer_to_buffer(
        this: &Any,
        from: &Any,
        from_at: f64,
        to: &Any,
        to_at: f64,
        size: f64,
    ) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch, structural)]
    pub(super) fn finish(this: &Any) -> Result<Any, JsValue>;

    #[wasm_bindgen(method, catch, structural)]
    pub(super) fn submit(this: &Any, commands: &Array) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch, structural, js_name = mapAsync)]
    pub(super) fn map_async(this: &Any, mode: u32, at: f64, size: f64) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, structural, js_name = getMappedRange)]
    pub(super) fn get_mapped_range(this: &Any, at: f64, size: f64) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch, structural)]
    pub(super) fn unmap(this: &Any) -> Result<(), JsValue>;

    /// The numbers of a mapped range.
    #[wasm_bindgen(js_name = Float32Array)]
    pub(super) type Numbers;

    /// Throws where the range was taken away.
    #[wasm_bindgen(catch, constructor, js_class = "Float32Array")]
    pub(super) fn new(range: &JsValue) -> Result<Numbers, JsValue>;

    /// `String(value)`, which takes anything.
    #[wasm_bindgen(catch, js_name = String)]
    pub(super) fn text(value: &JsValue) -> Result<JsString, JsValue>;
}

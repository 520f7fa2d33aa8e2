/** Makes calls into the runtime trap as often as the server says: one text at once, or a future driven on. */

const instantiate = WebAssembly.instantiate.bind(WebAssembly);

WebAssembly.instantiate = async (module, imports) => {
  const { exports } = await instantiate(module, imports);
  const trapping = Object.entries(exports).map(([name, value]) => {
    const call = name === 'model_classifyAll' || name.startsWith('wasm_bindgen__convert__closures');
    return [name, call ? maybe(value) : value];
  });
  return { module, instance: { exports: Object.fromEntries(trapping) } };
};

function maybe(call) {
  return (...args) => {
    if (trapsLeft() > 0) throw new WebAssembly.RuntimeError('unreachable');
    return call(...args);
  };
}

function trapsLeft() {
  const request = new XMLHttpRequest();
  request.open('GET', '/traps', false);
  request.send();
  return Number(request.responseText);
}

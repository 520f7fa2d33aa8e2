/** Asks a service worker. */

await navigator.serviceWorker.register('/service-worker.js', { type: 'module' });
const { active } = await navigator.serviceWorker.ready;
navigator.serviceWorker.onmessage = ({ data }) => (globalThis.result = data);
navigator.serviceWorker.startMessages();
active.postMessage('Northwind raises its profit outlook');

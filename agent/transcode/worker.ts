import { parentPort } from 'node:worker_threads';
import { loadLibopus } from 'libopus-wasm';
import type { ToWorker } from './contracts.ts';
import { Engine } from './engine.ts';

// Messages wait in the port until a listener is attached.
void loadLibopus().then(() => {
  const engine = new Engine((message) =>
    parentPort?.postMessage(message, message instanceof ArrayBuffer ? [message] : []),
  );
  parentPort?.on('message', (message: ToWorker) => engine.receive(message));
});

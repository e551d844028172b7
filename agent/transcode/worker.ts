import { parentPort } from 'node:worker_threads';
import { loadLibopus } from 'libopus-wasm';
import { Engine } from './engine.ts';
import type { ToWorker } from './messages.ts';

// Messages wait in the port until there is a listener.
void loadLibopus().then(() => {
  const engine = new Engine((message) =>
    parentPort?.postMessage(message, message instanceof ArrayBuffer ? [message] : []),
  );
  parentPort?.on('message', (message: ToWorker) => engine.receive(message));
});

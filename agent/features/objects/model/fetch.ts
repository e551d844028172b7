/**
 * `node start.mjs agent/features/objects/model/fetch.ts FOLDER`: fetches and converts the model into a folder, unless it is there. For the
 * package `perch-objects` and for tests.
 */
import { resolve } from 'node:path';
import { explain, rethrowUnexpected } from '../../../base/errors.ts';
import { fetchInto, findIn } from './model.ts';

const folder = resolve(process.argv[2] ?? 'object-model');
let shown = -1;
const show = (done: number): void => {
  const tenth = Math.floor(done * 10);
  if (tenth > shown) {
    shown = tenth;
    process.stderr.write(`object model: ${tenth * 10} %\n`);
  }
};
try {
  const { model } = (await findIn(folder)) ?? (await fetchInto(folder, show, new AbortController().signal));
  process.stdout.write(`${model}\n`);
} catch (error) {
  rethrowUnexpected(error);
  process.stderr.write(`${explain(error)}\n`);
  process.exitCode = 1;
}

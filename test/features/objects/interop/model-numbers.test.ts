import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { MODEL_SOURCE } from '../../../../agent/features/objects/model/archives.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import expected from '../fixtures/nanodet-numbers.json' with { type: 'json' };
import { OBJECT_MODEL } from '../support/object-model.ts';

interface Tensor {
  readonly data: Float32Array;
}
/** What this test takes of onnxruntime-web. */
interface Runtime {
  readonly env: { readonly wasm: { wasmBinary: Uint8Array; numThreads: number } };
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => Tensor;
  readonly InferenceSession: {
    create(model: Uint8Array): Promise<{
      readonly outputNames: readonly string[];
      run(inputs: Record<string, Tensor>): Promise<Record<string, Tensor>>;
      release(): Promise<void>;
    }>;
  };
}

const SIDE = 416;

/** -2 to 2, as a normalized picture has. */
function pseudoRandom(): Float32Array {
  let state = 1;
  return Float32Array.from({ length: 3 * SIDE * SIDE }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return ((state >>> 8) / 2 ** 24) * 4 - 2;
  });
}

describeWith(['object-model'], 'the converted model', () => {
  test('is the one whose hash is locked', async () => {
    const hash = createHash('sha256').update(await readFile(OBJECT_MODEL.model));
    expect(hash.digest('hex')).toBe(MODEL_SOURCE.converted.sha256);
  });

  test('has the same numbers in ONNX Runtime as the graph in TensorFlow.js', async () => {
    const ort = (await import(pathToFileURL(join(OBJECT_MODEL.runtime, 'ort.wasm.bundle.min.mjs')).href)) as Runtime;
    ort.env.wasm.wasmBinary = await readFile(join(OBJECT_MODEL.runtime, 'ort-wasm-simd-threaded.wasm'));
    ort.env.wasm.numThreads = 1;
    const session = await ort.InferenceSession.create(await readFile(OBJECT_MODEL.model));
    try {
      const input = new ort.Tensor('float32', pseudoRandom(), [1, 3, SIDE, SIDE]);
      const found = await session.run({ input_1: input });
      expect(session.outputNames).toEqual(Object.keys(expected.outputs));
      for (const [name, { count, first, step, values, mean }] of Object.entries(expected.outputs)) {
        const data = found[name]?.data ?? new Float32Array();
        const differences = values.map((value, i) => Math.abs(value - (data[first + i * step] ?? Number.NaN)));
        // Sums in another order: 5.4e-6 is the largest difference of all numbers.
        expect([name, data.length, Math.max(...differences) < 2e-5]).toEqual([name, count, true]);
        expect(data.reduce((sum, one) => sum + one, 0) / count).toBeCloseTo(mean, 5);
      }
    } finally {
      await session.release();
    }
  });
});

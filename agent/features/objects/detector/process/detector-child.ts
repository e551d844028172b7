import { Console } from 'node:console';
import { readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { ObjectType, RgbPicture } from '../contract.ts';
import { type InputSize, type Layout, recognizeLayout, type Tensor } from './layouts.ts';
import type { ModelStart } from './model-process.ts';
import { letterboxOf, objectsOf, writeInput } from './picture-input.ts';

/**
 * The process that runs the model. It may read the model and the runtime, and nothing else: no network, no other files, no programs.
 * stdin has frames: length of the JSON, length of the bytes (32 bits each, big-endian), JSON, bytes. The first one is a `ModelStart`, the
 * others are pictures. stdout has a line of JSON for each. It ends with its stdin.
 */

/** The parts of onnxruntime-web in use. */
interface Runtime {
  readonly env: { readonly wasm: { wasmBinary: Uint8Array | undefined; numThreads: number; proxy: boolean } };
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> };
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => object;
}
interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly inputMetadata: readonly { readonly type?: string; readonly shape?: readonly (number | string)[] }[];
  run(feeds: Readonly<Record<string, object>>): Promise<Readonly<Record<string, Output>>>;
}
interface Output {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
  dispose(): void;
}

const MAX_MODEL_BYTES = 100 << 20;
/** Of a model whose input may have any size. */
const DEFAULT_SIDE = 640;

/** The model cannot be used, however often it is opened. */
class Refusal extends Error {}

class Model {
  readonly input: InputSize;
  readonly layout: Layout;
  readonly #run: Run;
  readonly #types: readonly (ObjectType | null)[];
  readonly #planes: Float32Array;

  private constructor(run: Run, input: InputSize, layout: Layout, types: readonly (ObjectType | null)[]) {
    this.#run = run;
    this.input = input;
    this.layout = layout;
    this.#types = types;
    this.#planes = new Float32Array(3 * input.width * input.height);
  }

  /** @throws Refusal with the reason why the model is not used; Error for what may be otherwise the next time */
  static async open({ model, runtime, types }: ModelStart): Promise<Model> {
    const { size } = statSync(model);
    if (size > MAX_MODEL_BYTES) {
      throw new Refusal(`the model has ${size} bytes, the limit is ${MAX_MODEL_BYTES}`);
    }
    const ort = (await import(join(runtime, 'ort.wasm.bundle.min.mjs'))) as Runtime;
    ort.env.wasm.wasmBinary = readFileSync(join(runtime, 'ort-wasm-simd-threaded.wasm'));
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.proxy = false;
    const options = {
      executionProviders: ['wasm'],
      // Without it memory of the first run is not kept: 15 MB less, and no slower.
      enableCpuMemArena: false,
      logSeverityLevel: 4,
    };
    const session = await ort.InferenceSession.create(readFileSync(model), options).catch((error: unknown) => {
      // No words for want of memory: it does not parse, or has operators that the runtime does not have.
      throw /memory|alloc|abort/i.test(String(error)) ? error : new Refusal(textOf(error));
    });
    ort.env.wasm.wasmBinary = undefined;
    const input = inputOf(session);
    const run = runOf(ort, session, input);
    // The shapes that it declares may be names: those of a run are numbers.
    const shapes = (await run(new Float32Array(3 * input.width * input.height))).map(({ dims }) => dims);
    const layout = recognizeLayout(input, shapes, types.length);
    if (!layout) {
      const named = shapes.slice(0, 8).map((shape) => `[${shape.join(', ')}]`);
      throw new Refusal(
        `its output ${named.join(', ')} is none of YOLOv5, YOLOv8, YOLO11, YOLOX or NanoDet with an input of ${input.width}x${input.height} and ${types.length} labels`,
      );
    }
    return new Model(run, input, layout, types);
  }

  async objects(picture: RgbPicture): Promise<object[]> {
    const box = letterboxOf(picture, this.input);
    writeInput(picture, box, this.input, this.layout, this.#planes);
    const outputs = await this.#run(this.#planes);
    return objectsOf(this.layout.candidates(outputs, 0.25), this.#types, box);
  }
}

type Run = (planes: Float32Array) => Promise<Tensor[]>;

function runOf(ort: Runtime, session: Session, { width, height }: InputSize): Run {
  const [name = ''] = session.inputNames;
  return async (planes) => {
    const results = await session.run({ [name]: new ort.Tensor('float32', planes, [1, 3, height, width]) });
    return session.outputNames.map((output) => {
      const result = results[output] as Output;
      if (result.type !== 'float32' || !(result.data instanceof Float32Array)) {
        throw new Refusal(`its output ${output} is of the type ${result.type}, expected float32`);
      }
      return { dims: result.dims, data: result.data };
    });
  };
}

function inputOf({ inputNames, inputMetadata }: Session): InputSize {
  const [{ type = '', shape = [] } = {}] = inputMetadata;
  const [batch, colours, height = 0, width = 0] = shape;
  const isFixed = (value: number | string | undefined, expected: number): boolean =>
    typeof value !== 'number' || value <= 0 || value === expected;
  if (
    inputNames.length !== 1 ||
    type !== 'float32' ||
    shape.length !== 4 ||
    !isFixed(batch, 1) ||
    !isFixed(colours, 3)
  ) {
    const found = `${inputNames.length} of the type ${type || 'unknown'}, [${shape.join(', ')}]`;
    throw new Refusal(`its inputs are ${found}, expected one of float32, [1, 3, height, width]`);
  }
  const sideOf = (value: number | string): number => (typeof value === 'number' && value > 0 ? value : DEFAULT_SIDE);
  const input = { width: sideOf(width), height: sideOf(height) };
  if (Math.min(input.width, input.height) < 32 || Math.max(input.width, input.height) > 1_280) {
    throw new Refusal(`its input is ${input.width}x${input.height}, the limits are 32 and 1280`);
  }
  return input;
}

function answer(message: object): void {
  const line = Buffer.from(`${JSON.stringify(message)}\n`);
  for (let at = 0; at < line.length; ) {
    at += writeSync(1, line, at);
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 500);

async function* frames(): AsyncGenerator<{ json: unknown; bytes: Buffer }> {
  let buffered: Buffer[] = [];
  let size = 0;
  let wanted = 8;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    buffered.push(chunk);
    size += chunk.length;
    while (size >= wanted) {
      const whole = Buffer.concat(buffered);
      const jsonEnd = 8 + whole.readUInt32BE(0);
      const end = jsonEnd + whole.readUInt32BE(4);
      wanted = end;
      buffered = [whole];
      if (size < end) {
        break;
      }
      buffered = [whole.subarray(end)];
      size -= end;
      wanted = 8;
      yield { json: JSON.parse(whole.toString('utf8', 8, jsonEnd)), bytes: whole.subarray(jsonEnd, end) };
    }
  }
}

/** Memory that is given back now is not there when the next picture needs it: buffers of files and tensors lie outside of V8's heap. */
const collect = (): void => (globalThis as { gc?: () => void }).gc?.();

async function main(): Promise<void> {
  // stdout has answers only.
  globalThis.console = new Console(process.stderr);
  let model: Model | undefined;
  for await (const { json, bytes } of frames()) {
    if (!model) {
      try {
        model = await Model.open(json as ModelStart);
      } catch (error) {
        answer(error instanceof Refusal ? { refused: textOf(error) } : { failed: textOf(error) });
        return;
      }
      collect();
      answer({ ready: { layout: model.layout.name, ...model.input } });
      continue;
    }
    try {
      answer({ objects: await model.objects({ ...(json as { width: number; height: number }), rgb: bytes }) });
    } catch (error) {
      answer({ failed: textOf(error) });
    }
    collect();
  }
}

// In the bundle this is a CommonJS script, which awaits nothing at its top.
void main().then(() => process.exit(0));

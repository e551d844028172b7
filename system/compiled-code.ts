import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import Module from 'node:module';
import { basename, dirname, join } from 'node:path';
import { cachedDataVersionTag } from 'node:v8';
import { constants, Script } from 'node:vm';
import { crc32 } from 'node:zlib';

interface Compiler {
  _compile(this: NodeJS.Module, source: string, file: string, ...more: unknown[]): unknown;
}

const TRAILER_BYTES = 4;

/**
 * Keeps V8's code of the scripts loaded from now on, in a folder. Node does the same (`NODE_COMPILE_CACHE`), but keeps in memory all that it
 * has read (nodejs/node, `CompileCacheHandler`): 5 MB. What is new is written at the exit.
 * @param scripts their folder @param folder undefined: nothing is kept
 */
export function keepCompiledCode(scripts: string, folder: string | undefined): void {
  const compiler = Module.prototype as unknown as Compiler;
  const compileByNode = compiler._compile;
  const made = new Map<string, Buffer>();
  if (folder === undefined) {
    return;
  }
  const own = join(folder, 'perch');
  compiler._compile = function (source, filename, ...more) {
    if (dirname(filename) !== scripts || !filename.endsWith('.cjs')) {
      return compileByNode.call(this, source, filename, ...more);
    }
    // The tag depends on V8's version and flags.
    const file = join(own, `${basename(filename)}.${cachedDataVersionTag()}`);
    const cachedData = read(file, source);
    const importModuleDynamically = constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
    const script = new Script(Module.wrap(source), { filename, cachedData, importModuleDynamically });
    if (!cachedData || script.cachedDataRejected === true) {
      made.set(file, sealed(script.createCachedData(), source));
    }
    const { exports } = this;
    return script.runInThisContext().call(exports, exports, (id: string) => this.require(id), this, filename, scripts);
  };
  process.once('exit', () => write(own, made));
}

/** A checksum of script and code: V8 compares only the length of the script, and a power cut may leave any bytes. */
const checksumOf = (code: Uint8Array, source: string): number => crc32(code, crc32(source));

function sealed(code: Buffer, source: string): Buffer {
  const trailer = Buffer.alloc(TRAILER_BYTES);
  trailer.writeUInt32LE(checksumOf(code, source));
  return Buffer.concat([code, trailer]);
}

function read(file: string, source: string): Buffer | undefined {
  try {
    const bytes = readFileSync(file);
    const code = bytes.subarray(0, -TRAILER_BYTES);
    return bytes.readUInt32LE(code.length) === checksumOf(code, source) ? code : undefined;
  } catch {
    return undefined;
  }
}

function write(folder: string, made: ReadonlyMap<string, Buffer>): void {
  try {
    mkdirSync(folder, { recursive: true });
    for (const [file, bytes] of made) {
      writeFileSync(file, bytes);
    }
  } catch {
    // Without it the next start takes longer.
  }
}

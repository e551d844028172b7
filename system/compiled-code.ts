import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import Module from 'node:module';
import { basename, dirname, join } from 'node:path';
import { cachedDataVersionTag } from 'node:v8';
import { constants, Script } from 'node:vm';
import { crc32 } from 'node:zlib';
import { type Flags, presentFlags, setFlags } from './memory.ts';

interface Compiler {
  _compile(this: NodeJS.Module, source: string, file: string, ...more: unknown[]): unknown;
}

/** A script without code that can be kept. */
interface Loaded {
  readonly script: Script;
  readonly source: string;
  /** With which it was loaded, as it will be next time: V8 takes code for the same flags only. */
  readonly flags: Flags;
}

const TRAILER_BYTES = 4;
/** By then the start is over; many boxes never exit, but lose power. */
const WRITE_AFTER_MS = 60_000;
/** The code that Node puts before that of a script, in its first line. */
const WRAPPER_COLUMNS = Module.wrap('\n').indexOf('\n');

/**
 * Keeps V8's code of the scripts loaded from now on, in a folder. Node does the same (`NODE_COMPILE_CACHE`), but keeps in memory all that it
 * has read (nodejs/node, `CompileCacheHandler`): 5 MB. What is new is written a minute later, or at the exit, with the functions that have
 * run by then: a start takes a fifth less processor time than with those that V8 compiles when it loads a script.
 * @param scripts their folder @param folder undefined if nothing is kept
 */
export function keepCompiledCode(
  scripts: string,
  folder: string | undefined,
  writeAfterMs: number = WRITE_AFTER_MS,
): void {
  const compiler = Module.prototype as unknown as Compiler;
  const compileByNode = compiler._compile;
  const loaded = new Map<string, Loaded>();
  const tags = new Set<string>();
  if (folder === undefined) {
    return;
  }
  const own = join(folder, 'perch');
  const writeLoaded = (): void => {
    // Without it the next start takes longer.
    write(own, loaded, scripts, [...tags]).catch(() => loaded.clear());
  };
  compiler._compile = function (source, filename, ...more) {
    if (dirname(filename) !== scripts || !filename.endsWith('.cjs')) {
      return compileByNode.call(this, source, filename, ...more);
    }
    const tag = `.${cachedDataVersionTag()}`;
    tags.add(tag);
    const file = join(own, `${basename(filename)}${tag}`);
    const cachedData = read(file, source);
    const importModuleDynamically = constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
    const options = { filename, columnOffset: -WRAPPER_COLUMNS, cachedData, importModuleDynamically };
    const script = new Script(Module.wrap(source), options);
    if (!cachedData || script.cachedDataRejected === true) {
      if (loaded.size === 0) {
        setTimeout(writeLoaded, writeAfterMs).unref();
      }
      loaded.set(file, { script, source, flags: presentFlags() });
    }
    const { exports } = this;
    return script.runInThisContext().call(exports, exports, (id: string) => this.require(id), this, filename, scripts);
  };
  process.once('exit', () => writeNow(own, loaded));
}

/** A checksum of script and code: V8 compares only the length of the script, and a power cut may leave any bytes. */
const checksumOf = (code: Uint8Array, source: string): number => crc32(code, crc32(source));

function codeOf({ script, source, flags }: Loaded): Buffer {
  const present = presentFlags();
  setFlags(flags);
  const code = script.createCachedData();
  setFlags(present);
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

const temporary = (file: string): string => `${file}.${process.pid}`;

/**
 * Writes the code of one script after the other, and deletes that of former scripts and of other versions of V8.
 * @param tags ends of the names for this version of V8, one for each set of flags that it has had (`memory.ts` changes them)
 */
async function write(
  folder: string,
  loaded: Map<string, Loaded>,
  scripts: string,
  tags: readonly string[],
): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [file, each] of loaded) {
    loaded.delete(file);
    await writeFile(temporary(file), codeOf(each));
    await rename(temporary(file), file);
  }
  for (const name of await readdir(folder)) {
    const tag = tags.find((each) => name.endsWith(each));
    if (tag === undefined || !existsSync(join(scripts, name.slice(0, -tag.length)))) {
      await rm(join(folder, name), { force: true });
    }
  }
}

function writeNow(folder: string, loaded: ReadonlyMap<string, Loaded>): void {
  try {
    mkdirSync(folder, { recursive: true });
    for (const [file, each] of loaded) {
      writeFileSync(temporary(file), codeOf(each));
      renameSync(temporary(file), file);
    }
  } catch {
    // Without it the next start takes longer.
  }
}

import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { build, type Metafile, type OutputFile, type Plugin, transform } from 'esbuild';
import packageJson from '../package.json' with { type: 'json' };

const ROOT = join(import.meta.dirname, '..');
/** A CommonJS script for Node from 22.13 on. */
export const ONE_SCRIPT = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node22.13',
  minify: true,
  legalComments: 'none',
  write: false,
} as const;
const OWN_ADDRESS = "const ownAddress=require('node:url').pathToFileURL(__filename).href;";
const PROGRAM = 'agent/main.ts';
const PACKAGE = 'package.json';
/** Worker threads, processes, and a library that is loaded without waiting (`require`). */
const SCRIPTS = [
  'agent/config/values/re2.ts',
  'agent/transcode/worker.ts',
  'agent/auth/passwords/argon2-worker.ts',
  'agent/picture/picture-worker.ts',
  // Processes of features.
  ...globSync('agent/features/**/*-child.ts', { cwd: ROOT }),
];
/** The WebAssembly of the picture decoder, which its worker thread reads. */
const DECODER = 'agent/picture/decoder.wasm';
const DECODER_LICENSE = 'packaging/picture-decoder/COPYING.LGPLv2.1';

/**
 * The agent with its dependencies: `perch.cjs`, a script for each worker thread, and the parts that they load when they need them. The page
 * stays outside, at `../webui/dist` as in the sources. CommonJS, of which Node keeps less text in memory. The same sources yield the same
 * bytes, wherever they are.
 * @param version that the program reports, and that decides whether an update is newer
 * @param maps whether a source map for each script is wanted, too (`node --enable-source-maps`): takes three times as long
 * @returns files by name
 */
export async function bundleAgent(
  version = packageJson.version,
  maps: 'maps' | 'no maps' = 'no maps',
): Promise<ReadonlyMap<string, Uint8Array>> {
  const { outputFiles, metafile } = await build({
    ...ONE_SCRIPT,
    metafile: true,
    // esbuild splits only this form of modules.
    format: 'esm',
    splitting: true,
    entryPoints: [{ in: PROGRAM, out: 'perch' }, ...SCRIPTS.map((file) => ({ in: file, out: basename(file, '.ts') }))],
    outdir: ROOT,
    outExtension: { '.js': '.cjs' },
    chunkNames: '[name]-[hash]',
    sourcemap: maps === 'maps' && 'inline',
    banner: { js: OWN_ADDRESS },
    define: { 'import.meta.url': 'ownAddress', 'import.meta.dirname': '__dirname' },
    // esbuild leaves out unused code of ECMAScript modules only.
    mainFields: ['module', 'main'],
    loader: { '.wasm': 'file' },
    assetNames: '[name]-[hash]',
    plugins: [...PLUGINS, versionOf(version)],
  });
  refuseNamedImports(metafile);
  const files = new Map<string, Uint8Array>([
    [basename(DECODER), await readFile(join(ROOT, DECODER))],
    ['decoder.LICENSE', await readFile(join(ROOT, DECODER_LICENSE))],
  ]);
  const isWasm = ({ path }: OutputFile): boolean => path.endsWith('.wasm');
  for (const { path, contents } of outputFiles.filter(isWasm)) {
    files.set(basename(path), contents);
  }
  const scripts = outputFiles.filter((file) => !isWasm(file));
  const transformed = scripts.map(async ({ path, text: whole }) => {
    const isAddressUsed = whole.split('ownAddress').length > 2;
    const text = isAddressUsed ? whole : whole.replace(OWN_ADDRESS, '');
    const sourcefile = basename(path);
    const options = { target: ONE_SCRIPT.target, sourcefile, maps: maps === 'maps' };
    return { sourcefile, ...(await toCommonJs(text, options)) };
  });
  for (const { sourcefile, code, map } of await Promise.all(transformed)) {
    if (/[^\0-\x7f]/.test(code)) {
      throw new Error(`${sourcefile} is not ASCII: V8 would keep two bytes per character`);
    }
    files.set(sourcefile, Buffer.from(code));
    if (maps === 'maps') {
      files.set(`${sourcefile}.map`, Buffer.from(map));
    }
  }
  return files;
}

/** Packages of which `import()` takes the `default`. */
const DEFAULT_ONLY = /node_modules\/(?:node-onvif|systeminformation)\//;

/** Named exports of a CommonJS package would be undefined: esbuild knows only its `default` when the package is a part of its own. */
function refuseNamedImports({ inputs }: Metafile): void {
  for (const [importer, { imports }] of Object.entries(inputs)) {
    for (const { path, kind } of imports) {
      if (kind === 'dynamic-import' && inputs[path]?.format === 'cjs' && !DEFAULT_ONLY.test(path)) {
        throw new Error(`${importer} loads ${path} by import(): import it by name in a module, and load that one`);
      }
    }
  }
}

const scriptOf = (file: string): string => `${basename(file, '.ts')}.cjs`;

const TYPEBOX = /^import Type(?:, (\{[^}]*\}))? from 'typebox';/m;
/** esbuild leaves out unused members of a namespace, but not those of the object that is TypeBox's default export. */
const onlyUsedTypes = (_: string, others = '{}'): string =>
  `import * as Type from 'typebox'; import ${others} from 'typebox';`;

/** In the sources each of these scripts is a module. */
const sources: Plugin = {
  name: 'sources',
  setup: (built) =>
    built.onLoad({ filter: /\/agent\/.*\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const contents = source.replaceAll(/new URL\('(\.\/[\w-]+\.ts)', import\.meta\.url\)/g, (_, module: string) => {
        const file = relative(ROOT, join(path, '..', module));
        if (!SCRIPTS.includes(file)) {
          throw new Error(`${relative(ROOT, path)} loads the script ${file}, which is not in the bundle`);
        }
        return `new URL('./${scriptOf(file)}', import.meta.url)`;
      });
      return { loader: 'ts', contents: contents.replace(TYPEBOX, onlyUsedTypes) };
    }),
};

/**
 * node-onvif's services only compare the parsed address (`requests.ts`). They parse it with a deprecated function, of
 * which Node warns outside of `node_modules`.
 */
const onvifAddresses: Plugin = {
  name: 'ONVIF addresses',
  setup: (built) =>
    built.onLoad({ filter: /\/node-onvif\/lib\/modules\/service-(?:device|media|ptz)\.js$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const contents = source.replace('mUrl.parse(this.xaddr)', 'new URL(this.xaddr)');
      if (contents.includes('mUrl.parse(')) {
        throw new Error(`${relative(ROOT, path)} has changed: it parses addresses elsewhere, too`);
      }
      return { loader: 'js', contents };
    }),
};

/** Functions of systeminformation in use, by file. */
export const MEASURES: Readonly<Record<string, string>> = {
  currentLoad: 'cpu',
  cpuTemperature: 'cpu',
  mem: 'memory',
  diskLayout: 'filesystem',
  system: 'system',
};

/**
 * Unused parts of packages: @fastify/static lists files only without its wildcard, node-onvif only reads XML, Fastify gets no schemas
 * (`createHttpApp`), and only tests inject requests.
 */
const NEVER_USED: readonly (readonly [module: RegExp, importer: RegExp, contents: string])[] = [
  [/^glob$/, /\/@fastify\/static\/index\.js$/, 'exports.glob = undefined;'],
  [/^@fastify\/(?:ajv|fast-json-stringify)-compiler$/, /\/fastify\/lib\/schema-controller\.js$/, ''],
  [/^light-my-request$/, /\/fastify\/fastify\.js$/, ''],
  // Certificates are issued, requested (PKCS #10) and read, but not packed together (PKCS #7).
  [
    /^@peculiar\/asn1-(?:cms|pkcs9)$/,
    /\/@peculiar\/x509\//,
    `exports.id_signedData = '1.2.840.113549.1.7.2';
    exports.id_pkcs9_at_challengePassword = '1.2.840.113549.1.9.7';
    exports.id_pkcs9_at_extensionRequest = '1.2.840.113549.1.9.14';`,
  ],
  // Perch makes the requests of the ACME client, and its keys are those of Node.
  [/^\.\/(?:axios|verify|crypto\/forge)$/, /\/acme-client\/src\//, ''],
  // Rare MIME types, which no file of the page has; and the writer of playlists, which are only read here.
  [/^\.\/types\/other(?:\.js)?$/, /\/mime\/index\.js$/, 'module.exports = {};'],
  [/^\.\/stringify$/, /\/hls-parser\/index\.js$/, ''],
  // MQTT.js gets an open connection from Perch; its worker timers are for browsers.
  [/^\.\/lib\/connect$/, /\/mqtt\/build\/mqtt\.js$/, 'exports.default = exports.connectAsync = undefined;'],
  [/^worker-timers$/, /\/mqtt\/build\/lib\/get-timer\.js$/, ''],
  [/^readable-stream$/, /\/(?:mqtt|bl)\//, "module.exports = require('node:stream');"],
  [/^\.\/builder$/, /\/xml2js\/lib\/xml2js\.js$/, 'exports.Builder = undefined;'],
  // Only MQTT 5 has topic aliases.
  [/^lru-cache$/, /\/mqtt\/build\/lib\/topic-alias-send\.js$/, ''],
  // PostgreSQL's C library, Cloudflare's sockets, and the password file of a home directory: databaseURL has all that is needed.
  [/^\.\/native$/, /\/pg\/lib\/index\.js$/, ''],
  [/^pg-cloudflare$/, /\/pg\/lib\/stream\.js$/, ''],
  [/^pgpass$/, /\/pg\/lib\/client\.js$/, 'module.exports = (_, done) => done();'],
  [/^pg-connection-string$/, /\/pg\/lib\/connection-parameters\.js$/, 'exports.parse = undefined;'],
  // node-onvif writes each answer once more, for people.
  [/^html$/, /\/node-onvif\/lib\/modules\/soap\.js$/, 'module.exports = undefined;'],
  // pino's worker threads: Perch writes its log in the main thread.
  [/^\.\/(?:lib\/)?transport$/, /\/pino\/(?:pino|lib\/tools)\.js$/, ''],
  // The check of regular expressions in routes: all of them are constants of Perch.
  [/^safe-regex2$/, /\/find-my-way\/index\.js$/, 'module.exports = () => true;'],
  // The check of a plugin's Fastify version: the lock file pins versions that match.
  [/^semver$/, /\/fastify\/lib\/plugin-utils\.js$/, 'exports.satisfies = () => true;'],
  [
    /^debug$/,
    /\/(?:acme-client|mqtt|mqtt-packet|werift)\//,
    'const silent = () => {}; silent.enabled = false; silent.extend = () => silent; module.exports = () => silent; module.exports.debug = module.exports;',
  ],
  // No attachment is fetched; each has its type and its name.
  [
    /^\.\.\/fetch\/index\.js$/,
    /\/nodemailer\/dist\/esm\/(?:mime-node|shared)\/index\.js$/,
    'export default undefined;',
  ],
  [/^\.\/mime-types\.js$/, /\/nodemailer\/dist\/esm\/mime-funcs\/index\.js$/, ''],
  // Perch asks for no attestation: browsers send none, or the key's own (`packed`; WebAuthn §5.1.3).
  ...['FIDOU2F', 'AndroidSafetyNet', 'TPM', 'AndroidKey', 'Apple'].map(
    (format) =>
      [
        new RegExp(`/verifyAttestation${format}\\.js$`),
        /\/registration\/verifyRegistrationResponse\.js$/,
        `export function verifyAttestation${format}() { throw new Error('attestation by ${format} was not asked for'); }`,
      ] as const,
  ),
  [
    /^\.\/defaultRootCerts\//,
    /\/services\/settingsService\.js$/,
    ['Google_Hardware_Attestation_Root_1', 'Google_Hardware_Attestation_Root_2', 'Google_Hardware_Attestation_Root_3']
      .concat('Google_Hardware_Attestation_Root_4', 'GlobalSign_Root_CA', 'Apple_WebAuthn_Root_CA')
      .concat('GlobalSign_Root_CA_R3', 'GlobalSign_Root_R46')
      .map((name) => `export const ${name} = '';`)
      .join(''),
  ],
];

/** Leaves out code that never runs on a box: it would be downloaded with each update and kept in memory. */
export const leftOut: Plugin = {
  name: 'left out',
  setup: (built) => {
    built.onLoad({ filter: /\/systeminformation\/lib\/[\w-]+\.js$/ }, async ({ path }) => {
      const contents = basename(path) === 'index.js' ? measures() : onLinux(await readFile(path, 'utf8'));
      return { loader: 'js', contents };
    });
    for (const [index, [filter, importer, contents]] of NEVER_USED.entries()) {
      built.onResolve({ filter }, (asked) =>
        importer.test(asked.importer) ? { path: String(index), namespace: 'never used' } : undefined,
      );
      built.onLoad({ filter: new RegExp(`^${index}$`), namespace: 'never used' }, () => ({ loader: 'js', contents }));
    }
  },
};

/** Replaces the index, which also has printers, sound cards, Wi-Fi and containers. */
const measures = (): string =>
  Object.entries(MEASURES)
    .map(([name, file]) => `import { ${name} } from './${file}.js';\n`)
    .concat(`export default { ${Object.keys(MEASURES).join()} };`)
    .join('');

/** Each file detects the operating system. As a module of ECMAScript it leaves unreachable code and unused functions to esbuild. */
function onLinux(source: string): string {
  const known = source
    .replaceAll(/^const _(?:linux|darwin|windows|freebsd|openbsd|netbsd|sunos) = .*$/gm, '')
    .replaceAll(/\b_linux\b/g, 'true')
    .replaceAll(/\b_(?:darwin|windows|freebsd|openbsd|netbsd|sunos)\b/g, 'false')
    .replaceAll(/^const (\w+) = require\('\.\/(\w+)'\);$/gm, "import * as $1 from './$2.js';")
    .replaceAll(/^const (\w+) = require\('(\w+)'\);$/gm, "import $1 from 'node:$2';")
    .replaceAll(/^const (\w+) = require\('(\w+)'\)\.\1;$/gm, "import { $1 } from 'node:$2';")
    .replaceAll("require('child_process').exec", 'exec')
    .replaceAll(/^exports\.(\w+) = (\w+);$/gm, 'export { $2 as $1 };');
  return inAscii(known);
}

/** esbuild escapes non-ASCII characters in strings, but not in regular expressions and templates. */
const inAscii = (source: string): string =>
  source.replaceAll(/[^\0-\x7f]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** A regular expression of JetStream's client has a micro sign. */
const natsInAscii: Plugin = {
  name: 'NATS in ASCII',
  setup: (built) =>
    built.onLoad({ filter: /\/@nats-io\/jetstream\/lib\/\w+\.js$/ }, async ({ path }) => ({
      loader: 'js',
      contents: inAscii(await readFile(path, 'utf8')),
    })),
};

/** The program needs only the version from `package.json`. */
const versionOf = (version: string): Plugin => ({
  name: 'version',
  setup: (built) =>
    built.onLoad({ filter: /\/package\.json$/ }, ({ path }) =>
      path === join(ROOT, PACKAGE) ? { loader: 'json', contents: JSON.stringify({ version }) } : undefined,
    ),
});

const OPUS_MODULE = /\/libopus-wasm\/dist\/generated\/libopus\.generated\.mjs$/;
/** A string with one character per byte of the module. */
const OPUS_BINARY = /binaryDecode\(('(?:[^'\\]|\\.)*')\)/s;

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r' };

/** Opus as a file: within a script it takes a fifth more to download, and stays in V8's heap. */
const opusFile: Plugin = {
  name: 'Opus',
  setup: ({ onLoad, onResolve }) => {
    onLoad({ filter: OPUS_MODULE }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      if (!OPUS_BINARY.test(source)) {
        throw new Error(`${relative(ROOT, path)} has changed: it holds its WebAssembly in another form`);
      }
      const read = "new Uint8Array(fs.readFileSync(require('node:path').join(import.meta.dirname, wasmFile)))";
      return {
        loader: 'js',
        contents: `import wasmFile from './libopus.wasm';\n${source.replace(OPUS_BINARY, () => read)}`,
      };
    });
    onResolve({ filter: /^\.\/libopus\.wasm$/ }, ({ importer }) => ({
      path: importer.replace(/\.generated\.mjs$/, '.wasm'),
      namespace: 'opus',
    }));
    onLoad({ filter: /.*/, namespace: 'opus' }, async ({ path }) => {
      const [, literal = ''] =
        OPUS_BINARY.exec(await readFile(path.replace(/\.wasm$/, '.generated.mjs'), 'utf8')) ?? [];
      const text = literal.slice(1, -1).replaceAll(/\\(.)/gs, (_, escaped: string) => ESCAPES[escaped] ?? escaped);
      return { loader: 'file', contents: Uint8Array.from(text, (character) => character.charCodeAt(0) & 0xff) };
    });
  },
};

const NATIVE_CRYPTO = 'packaging/native-crypto.ts';

/** Node's OpenSSL for werift, instead of three packages. */
const nativeCrypto: Plugin = {
  name: 'native crypto',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^(?:@noble\/curves\/p256|tweetnacl|@fidm\/x509)$/ }, ({ importer }) =>
      /\/werift\/lib\//.test(importer) ? { path: join(ROOT, NATIVE_CRYPTO), sideEffects: false } : undefined,
    ),
};

export const PLUGINS: Plugin[] = [sources, leftOut, nativeCrypto, onvifAddresses, opusFile, natsInAscii];

/** Other parts by `require`: `import()` would load Node's second loader with them. */
const COMMON_JS = {
  format: 'cjs',
  supported: { 'dynamic-import': false },
  legalComments: 'none',
} as const;

/** As esbuild writes the exports of a module: each as a function, for helpers that define and copy accessors. */
const EXPORTS = /^var (\w+) = \{\};\n__export\(\1, \{\n([^}]*)\n\}\);\nmodule\.exports = __toCommonJS\(\1\);$/m;
const PART = /__toESM\((require\("\.\/[^"]+"\))\)/g;

interface CommonJsOptions {
  readonly target: string;
  readonly sourcefile: string;
  readonly maps: boolean;
}

/**
 * A part of the bundle as a CommonJS script. Its exports are plain accessors, live as those of a module: esbuild's own
 * helpers are 400 bytes in each of 200 parts. Lines keep their numbers, for the source map.
 */
export async function toCommonJs(
  text: string,
  { target, sourcefile, maps }: CommonJsOptions,
): Promise<{ code: string; map: string }> {
  const sourcemap = maps && 'inline';
  // For Node, esbuild lists the names again for importing modules.
  const { code } = await transform(text, { ...COMMON_JS, platform: 'neutral', target, sourcefile, sourcemap });
  const plain = code
    .replace(EXPORTS, (_, _name, exports: string) => {
      const accessors = exports.replaceAll(/^ {2}([\w$]+): \(\) => (.+?)(,?)$/gm, '  get $1() { return $2; }$3');
      return `module.exports =\n{\n${accessors}\n};\n`;
    })
    .replaceAll(PART, '$1');
  if (/= __toCommonJS\(/.test(plain)) {
    throw new Error(`${sourcefile}: esbuild writes exports in another form`);
  }
  return transform(plain, {
    ...COMMON_JS,
    platform: 'node',
    target,
    minify: true,
    treeShaking: true,
    sourcefile,
    sourcemap: maps && 'external',
  });
}

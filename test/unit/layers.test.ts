import { globSync, readFileSync } from 'node:fs';
import { dirname, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

/** Each room and the rooms it may import from. A room is a folder of `agent`, `main.ts`, or a folder of the root. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  media: ['base'],
  native: ['base'],
  'http-client': ['base', 'media'],
  config: ['base'],
  'demo-camera': ['base', 'media'],
  system: ['base'],
  stream: ['base', 'media'],
  auth: ['base', 'config'],
  tls: ['base', 'config'],
  backup: ['base', 'config'],
  onvif: ['base', 'config', 'media', 'http-client'],
  protocols: ['base', 'config', 'stream'],
  hooks: ['base', 'config', 'protocols', 'stream'],
  http: ['base', 'config', 'media', 'auth', 'protocols'],
  transports: ['base', 'config', 'media', 'native', 'stream', 'protocols', 'http-client'],
  sources: ['base', 'config', 'media', 'stream', 'protocols', 'transports'],
  forwarders: ['base', 'config', 'media', 'stream', 'protocols', 'transports'],
  transcode: ['base', 'media', 'stream'],
  record: ['base', 'config', 'media', 'stream'],
  servers: ['base', 'config', 'media', 'native', 'stream', 'auth', 'http', 'protocols', 'transports'],
  picture: ['base', 'media'],
  playback: ['base', 'config', 'media', 'picture', 'record'],
  paths: ['base', 'config', 'media', 'stream', 'sources', 'protocols'],
  cameras: [
    ...['base', 'config', 'media', 'stream', 'http', 'protocols', 'sources', 'record', 'onvif', 'paths', 'system'],
  ],
  recordings: [
    ...['base', 'config', 'media', 'stream', 'http', 'record', 'playback', 'picture', 'cameras', 'paths', 'system'],
  ],
  features: [
    ...['base', 'config', 'media', 'stream', 'auth', 'tls', 'backup', 'http', 'protocols', 'transports', 'record'],
    ...['playback', 'picture', 'cameras', 'demo-camera', 'onvif', 'paths', 'recordings', 'sources', 'system'],
  ],
  app: [
    ...['base', 'media', 'config', 'system', 'stream', 'auth', 'tls', 'backup', 'onvif', 'hooks', 'http'],
    ...[
      'demo-camera',
      'cameras',
      'recordings',
      'sources',
      'transcode',
      'record',
      'servers',
      'picture',
      'playback',
      'paths',
      'protocols',
      'transports',
      'forwarders',
      'native',
      'features',
    ],
  ],
  main: ['app', 'base', 'native', 'config', 'auth', 'system'],
  webui: ['base', 'http', 'recordings', 'features'],
  packaging: ['base', 'config', 'system', 'webui'],
};

/** Rooms whose folders are siblings: a protocol or a feature imports no other. */
const SIBLINGS = ['sources', 'servers', 'forwarders', 'features'];
/** Tests next to their code do not count. A folder of suites counts them. */
const MAX_FILES_IN_FOLDER = 20;
const MAX_SMOKE_SUITES = 25;
const OUTSIDE = ['package.json', 'package-lock.json'];

/** `agent/media/rtp/x.ts` is in room media, `agent/main.ts` is room main, `system/health.ts` is in room system. */
const partsOf = (path: string): readonly string[] =>
  path === 'agent/main.ts' ? ['main'] : path.split('/').slice(path.startsWith('agent/') ? 1 : 0);
const roomOf = (path: string): string => partsOf(path)[0] ?? '';
const protocolOf = (path: string): string | undefined => (partsOf(path).length > 2 ? partsOf(path)[1] : undefined);
const files = globSync('{agent,system,webui,packaging}/**/*.{ts,tsx}').filter(
  (file) => !/\.test\.tsx?$/.test(file) && !file.includes('/dist/'),
);

const importsOf = (file: string): string[] => {
  const text = readFileSync(file, 'utf8');
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((m) => m[1] ?? '');
  return specifiers.map((path) => normalize(`${dirname(file)}/${path}`)).filter((path) => !OUTSIDE.includes(path));
};
const imports = new Map(files.map((file) => [file, importsOf(file)]));

test('agent/ has no file but main.ts', () => {
  expect(globSync('agent/*.ts')).toEqual(['agent/main.ts']);
  expect(files.length).toBeGreaterThan(500);
});

test.for(files)('%s imports only rooms that its room may know', (file) => {
  const room = roomOf(file);
  expect(Object.keys(MAY_IMPORT)).toContain(room);
  const wrong = imports.get(file)?.filter((path) => roomOf(path) !== room && !MAY_IMPORT[room]?.includes(roomOf(path)));
  expect(wrong).toEqual([]);
});

test('the page imports of the agent only types, in one file, and of a feature in its folder', () => {
  const ofAgent = files.filter(
    (file) => roomOf(file) === 'webui' && imports.get(file)?.some((path) => path.startsWith('agent/')),
  );
  expect(ofAgent.filter((file) => !file.startsWith('webui/features/'))).toEqual(['webui/api-client/api-types.ts']);
  for (const file of ofAgent.filter((one) => one.startsWith('webui/features/'))) {
    const routes = `agent/features/${file.split('/')[2]}/routes.ts`;
    expect(imports.get(file)?.filter((path) => path.startsWith('agent/') && path !== routes)).toEqual([]);
    expect(readFileSync(file, 'utf8')).not.toMatch(/^import (?!type )[^;]*agent\/features/m);
  }
  expect(
    readFileSync('webui/api-client/api-types.ts', 'utf8').replaceAll(/^export type \{[^}]*\} from '[^']+';$/gm, ''),
  ).not.toMatch(/^(?:import|export)/m);
});

test('of a feature, app imports the descriptor, and a room below nothing', () => {
  const wrong = files
    .filter((file) => !['features', 'webui'].includes(roomOf(file)))
    .flatMap((file) => imports.get(file)?.filter((path) => roomOf(path) === 'features' && protocolOf(path)) ?? [])
    .filter((path) => !path.endsWith('/feature.ts'));
  expect(wrong).toEqual([]);
});

test('the folders below a feature do not import its root', () => {
  const wrong = files
    .filter((file) => file.startsWith('agent/features/') && partsOf(file).length > 3)
    .filter((file) => imports.get(file)?.some((path) => roomOf(path) === 'features' && partsOf(path).length === 3));
  expect(wrong).toEqual([]);
});

test('node:ffi is known in agent/native alone', () => {
  const others = files.filter(
    (file) => roomOf(file) !== 'native' && /['"`]node:ffi['"`]/.test(readFileSync(file, 'utf8')),
  );
  expect(others).toEqual([]);
  expect(readFileSync('agent/native/functions.ts', 'utf8')).toContain("getBuiltinModule('node:ffi')");
});

test.for(files.filter((file) => SIBLINGS.includes(roomOf(file)) && protocolOf(file)))(
  '%s does not know its siblings',
  (file) => {
    const wrong = imports
      .get(file)
      ?.filter((path) => roomOf(path) === roomOf(file) && protocolOf(path) && protocolOf(path) !== protocolOf(file));
    expect(wrong).toEqual([]);
  },
);

describe('folders', () => {
  /** Nodes that can be reached from a node and reach it again. */
  function cycleOf(graph: ReadonlyMap<string, ReadonlySet<string>>): string[] | undefined {
    const reach = (from: string): Set<string> => {
      const found = new Set(graph.get(from));
      for (const node of found) {
        for (const next of graph.get(node) ?? []) {
          found.add(next);
        }
      }
      return found;
    };
    const inCycle = [...graph.keys()].filter((node) => reach(node).has(node));
    return inCycle.length === 0 ? undefined : inCycle.sort();
  }

  /** By folder, the folders that its files import from. @param nameOf the folder of a file; undefined: it does not take part */
  function folderGraph(nameOf: (file: string) => string | undefined): Map<string, Set<string>> {
    const graph = new Map<string, Set<string>>();
    for (const [file, paths] of imports) {
      for (const path of paths) {
        const [from, to] = [nameOf(file), nameOf(path)];
        if (from !== undefined && to !== undefined && from !== to) {
          graph.set(from, (graph.get(from) ?? new Set()).add(to));
        }
      }
    }
    return graph;
  }

  const parents = new Set(files.flatMap((file) => ancestors(dirname(file))));

  test('no folder imports from one whose files import from it', () => {
    expect(cycleOf(folderGraph(dirname))).toBeUndefined();
  });

  test.for([...parents].sort())('the folders of %s do not import each other in a circle', (parent) => {
    const child = (file: string): string | undefined => {
      const rest = file.startsWith(`${parent}/`) ? file.slice(parent.length + 1) : '';
      return rest.includes('/') ? rest.slice(0, rest.indexOf('/')) : undefined;
    };
    expect(cycleOf(folderGraph(child))).toBeUndefined();
  });

  test('hold at most 20 files, and smoke 25 suites', () => {
    const counted = globSync('{agent,system,webui,packaging,test}/**/*.{ts,tsx,css}').filter(
      (file) => !file.includes('/dist/') && (file.startsWith('test/') || !/\.test\.tsx?$/.test(file)),
    );
    const sizes = Map.groupBy(counted, dirname);
    const tooLarge = [...sizes]
      .filter(([folder, { length }]) => length > (folder === 'test/smoke' ? MAX_SMOKE_SUITES : MAX_FILES_IN_FOLDER))
      .map(([folder, { length }]) => `${folder} ${length}`);
    expect(sizes.size).toBeGreaterThan(200);
    expect(tooLarge).toEqual([]);
  });

  function ancestors(folder: string): string[] {
    const parent = dirname(folder);
    return parent === '.' ? [folder] : [folder, ...ancestors(parent)];
  }
});

import Type from 'typebox';
import { expect, test } from 'vitest';
import { parseConfig } from '../load/load.ts';
import { Address } from '../values/address.ts';
import { problemText } from '../yaml/problem.ts';
import { inverted, type SourceKeys } from './common/key-rules.ts';
import type { ServerKeys } from './common/server-keys.ts';
import { configKeysOf } from './config-keys.ts';
import type { FeatureKeys } from './feature-keys.ts';

const serverSchema = { toy: Type.Boolean({ default: true }), toyAddress: Address(':7000', 'Port.') };
const toyServer: ServerKeys<typeof serverSchema> = {
  schema: serverSchema,
  listeners: ({ toy, toyAddress }) => (toy ? [{ key: 'toyAddress', address: toyAddress }] : []),
  faults: ({ toyAddress }) => (toyAddress === ':1' ? [{ key: 'toyAddress', message: 'is reserved' }] : []),
  inert: [{ feature: 'the colour of toys', reason: 'paint them', keys: { toyColour: 'red' } }],
  renamed: { toyDisable: { to: 'toy', convert: inverted } },
};
const sourceSchema = { toySpeed: Type.Integer({ default: 1 }) };
const toySource: SourceKeys<typeof sourceSchema> = {
  schemes: ['toy'],
  example: 'toy://192.168.1.20:7000/stream',
  schema: sourceSchema,
  faults: ({ toySpeed }) => (toySpeed > 9 ? [{ key: 'toySpeed', message: 'is too fast' }] : []),
  inert: [],
  renamed: { toyPace: { to: 'toySpeed' } },
};
const featureSchema = { toyBox: Type.Boolean({ default: false }), toyBoxAddress: Address(':7001', 'Port.') };
const featurePathSchema = { toySize: Type.Integer({ default: 1, isLive: true }) };
const toyFeature: FeatureKeys<typeof featureSchema, typeof featurePathSchema> = {
  title: 'Toys',
  schema: featureSchema,
  pathSchema: featurePathSchema,
  isRight: true,
  faults: ({ toyBox, rtsp }) => (toyBox && !rtsp ? [{ key: 'toyBox', message: 'needs rtsp: yes' }] : []),
  listeners: ({ toyBox, toyBoxAddress }) => (toyBox ? [{ key: 'toyBoxAddress', address: toyBoxAddress }] : []),
};
const keys = configKeysOf({ servers: [toyServer], sources: [toySource], forwards: [], features: [toyFeature] });

function loaded(text: string) {
  const { config, problems } = parseConfig(
    `perch: own\n${text}`,
    'perch.yml',
    {},
    { recordPath: '/%path/%s%f', cwd: '/', keys },
  );
  return { config, lines: problems.map(problemText) };
}

test('the keys of another protocol are read, with their defaults and former names', () => {
  expect(loaded('').config).toMatchObject({ toy: true, toyAddress: ':7000', rtsp: true });
  const { config, lines } = loaded('toyDisable: yes\npaths: {cam: {source: "toy://h:1/s", toyPace: 3}}');
  expect(config).toMatchObject({ toy: false });
  expect(config?.paths.get('cam')?.settings).toMatchObject({ source: 'toy://h:1/s', toySpeed: 3 });
  expect(lines).toEqual([
    'perch.yml:2: toyDisable: this key is called toy now, with the opposite value',
    'perch.yml:3: paths.cam.toyPace: this key is called toySpeed now',
  ]);
});

test('the keys of a feature are read with their defaults, and their keywords count', () => {
  expect(loaded('').config).toMatchObject({ toyBox: false, pathDefaults: { toySize: 1 } });
  expect(loaded('paths: {cam: {toySize: 2}}').config?.paths.get('cam')?.settings).toMatchObject({ toySize: 2 });
  expect([...keys.global.rights]).toEqual(expect.arrayContaining(['toyBox', 'toyBoxAddress', 'authMethod']));
  expect(keys.global.rights.has('toy')).toBe(false);
  expect([...keys.path.rights]).toEqual(['toySize']);
  expect(keys.path.live.has('toySize')).toBe(true);
});

test.for([
  ['toyAddress: :8554', 'toyAddress: has the TCP port 8554, as does rtspAddress: change one of them'],
  ['toyAddress: :1', 'toyAddress: is reserved'],
  ['toyColour: blue', 'toyColour: the colour of toys is not supported: paint them'],
  ['toyBox: yes\nrtsp: no', 'toyBox: needs rtsp: yes'],
  [
    'toyBox: yes\ntoyBoxAddress: :8554',
    'toyBoxAddress: has the TCP port 8554, as does rtspAddress: change one of them',
  ],
  ['paths: {cam: {toySpeed: 10}}', 'paths.cam.toySpeed: is too fast'],
  [
    'paths: {cam: {source: "moqt://h/1"}}',
    "paths.cam.source: 'moqt://' is not supported: Node has no QUIC, and no kept library in plain JavaScript does it; pull by RTSP, SRT, WHEP or HLS",
  ],
] as const)('the rules of another protocol and feature apply: %s', ([text, line]) => {
  expect(loaded(text).lines.map((one) => one.replace(/^perch\.yml:[23]: /, ''))).toEqual([line]);
});

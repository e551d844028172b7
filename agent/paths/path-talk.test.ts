import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { ScriptedSource } from '../../test/support/cameras/scripted-source.ts';
import { KEYS } from '../../test/support/harness/loaded-config.ts';
import { explain, PerchError } from '../base/errors.ts';
import { silentLogger } from '../base/log.ts';
import { type Config, parseConfig } from '../config/load/load.ts';
import type { BackChannel, Loudspeaker, TalkFormat } from '../stream/contracts.ts';
import { PathTable } from './path-table.ts';

const FORMAT: TalkFormat = { codec: 'PCMA', clockRate: 8_000, channels: 1 };

/** Does what the test says. */
class ScriptedLoudspeaker implements Loudspeaker {
  state: Loudspeaker['state'] = 'unknown';
  refusal: Error | undefined;
  readonly heard: string[] = [];
  closes = 0;
  /** Ends the line as the camera does. */
  hangUp: (reason: string) => void = () => {};
  #ready: Promise<void> = Promise.resolve();

  /** The camera takes as long to answer. */
  wait(until: Promise<void>): void {
    this.#ready = until;
  }

  async check(): Promise<TalkFormat> {
    await this.#ready;
    this.state = this.refusal ? 'no' : 'yes';
    if (this.refusal) {
      throw this.refusal;
    }
    return FORMAT;
  }

  async open(onEnded: (reason: string) => void, signal: AbortSignal): Promise<BackChannel> {
    await this.check();
    signal.throwIfAborted();
    this.hangUp = onEnded;
    return {
      ...FORMAT,
      send: (payload) => void this.heard.push(Buffer.from(payload).toString()),
      close: () => {
        this.closes += 1;
      },
    };
  }
}

class TalkingSource extends ScriptedSource {
  readonly loudspeaker = new ScriptedLoudspeaker();
}

function configOf(paths: string): Config {
  const { config } = parseConfig(
    `paths:\n${paths}`,
    'perch.yml',
    {},
    { recordPath: '/data/%path/%s%f', cwd: '/', keys: KEYS },
  );
  if (!config) {
    throw new Error('no configuration');
  }
  return config;
}

const CAMERAS = `
  cam: {source: 'rtsp://cam'}
  '~^door': {source: 'rtsp://door', sourceOnDemand: yes}
  stage:
  elsewhere: {source: redirect, sourceRedirect: 'rtsp://h/x'}
`;

async function tableOf(paths = CAMERAS) {
  const sources: TalkingSource[] = [];
  const makers = {
    source: () => {
      const source = new TalkingSource();
      sources.push(source);
      return source;
    },
    recorder: () => undefined,
    streamOpened: () => {},
  };
  const table = new PathTable(makers, new FakeClock(), silentLogger);
  await table.apply(configOf(paths));
  const last = (): ScriptedLoudspeaker => {
    const source = sources.at(-1);
    if (!source) {
      throw new Error('nothing is pulled');
    }
    return source.loudspeaker;
  };
  return { table, sources, last };
}

const deaf = () => {};
const reasonOf = (failing: Promise<unknown>): Promise<string> => failing.then(() => 'nothing failed', explain);

test('a talk reaches the camera with or without a stream', async () => {
  const { table, last } = await tableOf();
  const channel = await table.talk('cam', deaf);
  channel.send(Buffer.from('hello'), 0);
  expect(channel).toMatchObject({ codec: 'PCMA', clockRate: 8_000, channels: 1 });
  expect(last().heard).toEqual(['hello']);
  channel.close();
  expect(last().closes).toBe(1);
  await table.close();
});

test('the status reports the back channel without a connection to the camera', async () => {
  const { table, last } = await tableOf();
  expect(table.find('cam')?.talk).toBe('unknown');
  await table.mayTalk('cam');
  expect(table.find('cam')?.talk).toBe('yes');
  last().refusal = new PerchError('unsupported', 'no back channel');
  expect(await reasonOf(table.mayTalk('cam'))).toBe('no back channel');
  expect(table.find('cam')?.talk).toBe('no');
  expect(table.find('stage')?.talk).toBe('no');
  await table.close();
});

test.for([
  ['stage', "path 'stage' has no camera with a back channel"],
  ['elsewhere', "path 'elsewhere' has no camera with a back channel"],
  ['missing', "path 'missing' is not configured"],
] as const)("a talk on '%s' is rejected with the reason", async ([path, reason]) => {
  const { table } = await tableOf();
  expect(await reasonOf(table.mayTalk(path))).toBe(reason);
  expect(await reasonOf(table.talk(path, deaf))).toBe(reason);
  await table.close();
});

test('a path of a pattern exists during a talk', async () => {
  const { table, sources } = await tableOf();
  const channel = await table.talk('door1', deaf);
  expect(table.find('door1')).toMatchObject({ sourceState: 'stopped', talk: 'yes' });
  expect(sources.at(-1)?.runs).toBe(0);
  channel.close();
  expect(table.find('door1')).toBeUndefined();
  await table.mayTalk('door2');
  expect(table.find('door2')).toBeUndefined();
  await table.close();
});

test('onEnded gets the reason of the camera', async () => {
  const { table, last } = await tableOf();
  const reasons: string[] = [];
  const channel = await table.talk('door1', (reason) => reasons.push(reason));
  last().hangUp('camera closed the connection');
  expect(reasons).toEqual(['camera closed the connection']);
  expect(table.find('door1')).toBeUndefined();
  channel.close();
  last().hangUp('again');
  expect(reasons).toHaveLength(1);
  await table.close();
});

test('the end of the path ends the talk with the reason', async () => {
  const { table } = await tableOf();
  const reasons: string[] = [];
  await table.talk('cam', (reason) => reasons.push(reason));
  await table.apply(configOf("  cam: {source: 'rtsp://other'}\n"));
  expect(reasons).toEqual(["path 'cam' was removed or changed"]);
  await table.close();
});

test('a talk that is still connecting ends with the path', async () => {
  const { table, last } = await tableOf();
  const answered = Promise.withResolvers<void>();
  last().wait(answered.promise);
  const reasons: string[] = [];
  const failing = reasonOf(table.talk('cam', (reason) => reasons.push(reason)));
  await table.apply(configOf("  cam: {source: 'rtsp://other'}\n"));
  answered.resolve();
  expect(await failing).toBe("path 'cam' was removed or changed");
  expect(reasons).toEqual([]);
  await table.close();
});

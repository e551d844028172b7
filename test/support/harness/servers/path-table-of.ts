import { silentLogger } from '../../../../agent/base/log.ts';
import { type Config, parseConfig } from '../../../../agent/config/load/load.ts';
import { type PathMakers, PathTable } from '../../../../agent/paths/path-table.ts';
import type { Stream } from '../../../../agent/stream/stream.ts';
import { FakeClock } from '../../base/fake-clock.ts';
import { ScriptedSource } from '../../cameras/scripted-source.ts';
import { RTSP_SESSION } from '../../media/reader.ts';
import { KEYS } from '../loaded-config.ts';

export function configOf(paths: string, more = ''): Config {
  const defaults = { recordPath: '/data/%path/%s%f', cwd: '/', keys: KEYS };
  const { config } = parseConfig(`${more}\npaths:\n${paths}`, 'perch.yml', {}, defaults);
  if (!config) {
    throw new Error('no configuration');
  }
  return config;
}

/** A recorder that keeps its calls. */
class NotedRecorder {
  readonly status = { active: false, error: null, why: null, since: null };
  readonly started: Stream[] = [];
  stops = 0;
  start(stream: Stream): void {
    this.started.push(stream);
  }
  async stop(): Promise<void> {
    this.stops += 1;
  }
}

/** Paths of a configuration, with a log of their sources and recorders. */
export async function tableOf(paths: string, more = '', makers: Partial<PathMakers> = {}) {
  const clock = new FakeClock();
  /** Sources by the address of their path. */
  const sources = new Map<string, ScriptedSource>();
  const recorders = new Map<string, NotedRecorder>();
  const table = new PathTable(
    {
      source: (_name, { source: url }) => {
        const source = sources.get(url) ?? new ScriptedSource();
        sources.set(url, source);
        return source;
      },
      recorder: (name, { record }) => {
        const recorder = new NotedRecorder();
        recorders.set(name, recorder);
        return record === 'no' ? undefined : recorder;
      },
      streamOpened: () => {},
      ...makers,
    },
    clock,
    silentLogger,
  );
  await table.apply(configOf(paths, more));
  const sourceOf = (url: string): ScriptedSource => {
    const source = sources.get(url);
    if (!source) {
      throw new Error(`there is no source for ${url}`);
    }
    return source;
  };
  return {
    clock,
    table,
    sourceOf,
    recorders,
    apply: (next: string) => table.apply(configOf(next, more)),
    foresee: (next: string) => table.forecast(configOf(next, more)),
  };
}

export const publisherOf = (id: string) => ({ kind: RTSP_SESSION, id, onReplaced: () => {} });
export const namesOf = (table: PathTable) => table.list().map(({ name, confName }) => `${name} (${confName})`);

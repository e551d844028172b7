import { setImmediate } from 'node:timers/promises';
import { expect, onTestFinished, vi } from 'vitest';
import { PerchError } from '../../../../agent/base/errors.ts';
import { createLogger } from '../../../../agent/base/log.ts';
import type { Mode } from '../../../../agent/config/values/modes.ts';
import type { OwnCommand } from '../../../../agent/features/contract.ts';
import { Rules } from '../../../../agent/features/rules/rules.ts';
import type { CameraEvent, EventListener } from '../../../../agent/record/events/event.ts';
import { FakeClock } from '../../../support/base/fake-clock.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import { good } from '../../../support/harness/loaded-config.ts';

export const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i += 1) {
    await setImmediate();
  }
};

export const PATHS =
  'paths: {gate: {source: rtsp://h/1}, yard: {source: rtsp://h/2, record: motion}, hall: {source: rtsp://h/3}}';

const OUTPUTS = [
  { id: 'relay-1', kind: 'relay' },
  { id: 'lamp', kind: 'light' },
] as const;

/** A box with these rules, and cameras with two outputs and the preset Gate. The fake clock begins at midnight. */
export async function boxOf(rules: string, dataDir?: string) {
  const folder = temporaryFolder();
  const clock = new FakeClock();
  const lines: string[] = [];
  const listeners = new Set<EventListener>();
  const stop = new AbortController();
  const commands: (OwnCommand & { readonly end: (fault?: string) => void })[] = [];
  const state = { mode: 'home' as Mode | undefined, isTrusted: true, applied: 0, emitted: [] as unknown[], remote: '' };
  const camera = {
    isOn: new Map<string, boolean>(),
    calls: [] as string[],
    fault: undefined as PerchError | undefined,
    holds: [] as unknown[],
    released: [] as string[],
    turning: '',
  };
  const answer = async (): Promise<void> => {
    if (camera.fault) {
      throw camera.fault;
    }
  };
  let config = good(`timetableZone: UTC\nrules: [${rules}]\n${PATHS}\n`);
  const holds = {
    release: (path: string, owner: string) => void camera.released.push(`${path} ${owner}`),
    hold: async (...hold: unknown[]) => void camera.holds.push(hold),
    isTurning: (path: string) => camera.turning === path,
  };
  const host = {
    ...{
      dataDir: dataDir ?? folder.path,
      clock,
      signal: stop.signal,
      log: createLogger('info', (line) => lines.push(line)),
    },
    config: () => own.inForce(config),
    settings: () => config,
    mode: () => state.mode,
    paths: { find: (path: string) => ({ box: path === state.remote ? { name: 'garage' } : null }) },
    zones: (path: string) => (path === 'gate' ? ['Drive', 'Street'] : []),
    zonesAt: (_path: string, x: number) => [x < 0.6 ? 'Drive' : 'Street'],
    runOnce: (command: OwnCommand) => new Promise<string | undefined>((end) => commands.push({ ...command, end })),
    steering: {
      presets: async () => {
        await answer();
        return [{ token: 'p1', name: 'Gate' }];
      },
      outputs: async () => {
        await answer();
        return OUTPUTS.map((one) => ({ ...one, isOn: null }));
      },
      setOutput: async (path: string, id: string, isOn: boolean) => {
        camera.calls.push(`${path} ${id} ${isOn ? 'on' : 'off'}`);
        await answer();
        if (!OUTPUTS.some((one) => one.id === id)) {
          throw new PerchError('notFound', `the camera has no such output: '${id}'`);
        }
        camera.isOn.set(`${path} ${id}`, isOn);
      },
      switched: () => () => {},
    },
    applyPaths: async () => {
      state.applied += 1;
    },
    events: { emit: (type: string, fields: object) => void state.emitted.push([type, fields]) },
    recordings: {
      get isClockTrusted() {
        return state.isTrusted;
      },
      events: {
        acted: {
          listen: (_: string, listener: EventListener) => {
            listeners.add(listener);
            return () => listeners.delete(listener);
          },
        },
      },
    },
  } as unknown as ConstructorParameters<typeof Rules>[0];
  const own = new Rules(host, holds);
  onTestFinished(async () => {
    await own.close();
    folder[Symbol.dispose]();
  });
  await own.begin();
  own.configure();
  const known = new Map<string, CameraEvent>();
  let number = 0;
  return {
    own,
    clock,
    state,
    commands,
    camera,
    lines,
    dataDir: dataDir ?? folder.path,
    configure: (next: string) => {
      config = good(`timetableZone: UTC\nrules: [${next}]\n${PATHS}\n`);
      own.configure();
    },
    faulty: (path: string) => {
      const entry = { name: path, settings: undefined, error: 'source: unknown' };
      config = { ...config, paths: new Map([...config.paths, [path, entry as never]]) };
    },
    /** What the path records now. */
    recordOf: (path: string) => own.inForce(config).paths.get(path)?.settings?.record,
    /** An event at the gate. One with the id of an earlier one is that event, reported again. */
    report: async (event: Partial<CameraEvent> = {}) => {
      number += 1;
      const id = event.id ?? String(number);
      const before = known.get(id);
      const startUs = before?.startUs ?? clock.wallMs() * 1_000;
      const fresh = { type: 'person', source: 'camera' as const, endUs: undefined, text: '' };
      const now: CameraEvent = { path: 'gate', startUs, ...fresh, ...before, ...event, id };
      known.set(id, now);
      for (const listener of listeners) {
        listener(now, before);
      }
      await settle();
      // What is switched on is in the file before.
      await vi.waitFor(() => expect(state.emitted).toHaveLength(own.metrics()[0]?.[3] ?? 0));
    },
    ran: (name: string) => own.list().find((one) => one.name === name)?.last?.time,
  };
}

export const RECORD = 'then: [{record: yes, path: yard, seconds: 60}]';
export const rule = (when: string, then = RECORD) => `{name: Gate, when: {event: person, path: gate${when}}, ${then}}`;

export const PERSON = [{ type: 'person' as const, score: 0.9, box: { x: 0, y: 0, width: 1, height: 1 }, at: 0 }];

export const TURN = 'then: [{preset: Gate, path: yard, seconds: 30}], pause: 0s';
export const SWITCH = 'then: [{output: relay-1, path: yard, seconds: 10}], pause: 0s';
export const LIGHT = 'then: [{output: lamp, path: yard, seconds: 60}], pause: 0s';
/** Runs for each event of the kind at the path. */
export const watcher = (path: string, kind = 'motion') =>
  `{name: Watch, when: {event: ${kind}, path: ${path}}, then: [{record: yes, path: hall}], pause: 0s}`;
export const DOWN = new PerchError('unavailable', 'the camera does not answer');

import { expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { type GstCamera, playClip, smallClip, startGstCamera } from '../../peers/cameras/camera.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import { temporaryFolder } from '../../support/disks/recordings.ts';

const NAMES = Array.from({ length: 16 }, (_, i) => `ch${i + 1}`);

/** All channels have one host and one user. */
async function startRecorder(password: string, port = 0): Promise<GstCamera> {
  const channel = playClip(await smallClip(120));
  const mounts = Object.fromEntries(NAMES.map((name) => [`/${name}`, channel]));
  return startGstCamera(mounts, { digest: `admin:${password}`, answersAfter: 0.05, port });
}

const loginsAt = (recorder: GstCamera): number => [...recorder.said().matchAll(/^login /gm)].length;

interface Path {
  readonly ready: boolean;
  readonly lastError: string | null;
}

const untilAll = (agent: Agent, is: (path: Path) => boolean) =>
  until(async () => {
    const { items } = await agent.json<{ items: readonly Path[] }>('/v3/paths/list');
    return items.length === NAMES.length && items.every(is) ? true : undefined;
  });

const isReady = ({ ready }: Path): boolean => ready;
const isRefused = ({ ready, lastError }: Path): boolean =>
  !ready && /refuse[sd] (?:this user name or|the) password/.test(lastError ?? '');

describeWith(['gstreamer'], "a recorder with 16 channels whose password is changed, GStreamer's RTSP server", () => {
  test.for(['runs', 'is away'] as const)(
    'while Perch %s: the old one is shown twice, over a restart too',
    async (when) => {
      using folder = temporaryFolder();
      const recorder = await startRecorder('right');
      const sources = NAMES.map(
        (name) => `  ${name}:\n    source: ${recorder.url(`/${name}`).replace('//', '//admin:right@')}\n`,
      );
      const start = () => startAgent({ config: `api: yes\npaths:\n${sources.join('')}`, dataDir: folder.path });
      let agent = await start();
      await untilAll(agent, isReady);
      if (when === 'is away') {
        await agent[Symbol.asyncDispose]();
      }
      await recorder[Symbol.asyncDispose]();
      await using changed = await startRecorder('changed', recorder.port);
      if (when === 'is away') {
        agent = await start();
      }
      await untilAll(agent, isRefused);
      await agent[Symbol.asyncDispose]();
      expect(loginsAt(changed)).toBe(2);
      await using again = await start();
      await untilAll(again, isRefused);
      expect(loginsAt(changed)).toBe(2);
    },
  );
});

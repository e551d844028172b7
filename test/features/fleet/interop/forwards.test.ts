import { expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import { smallClip } from '../../../peers/cameras/camera.ts';
import { publishClip } from '../../../peers/clients/publisher.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { startPostgresql } from '../../../peers/programs/postgresql.ts';

const LIMIT = { timeout: 120_000 };

interface Forwards {
  readonly items: readonly { readonly state: string; readonly lastError: string | null }[];
}
interface Sessions {
  readonly items: readonly { readonly id: string; readonly state: string; readonly path: string }[];
}

describeWith(['postgresql', 'ffmpeg'], 'a destination that several servers with one database have', () => {
  test(
    'one publishes to it; another one does within 20 s after kill -9, and goes on without the database',
    LIMIT,
    async () => {
      await using postgresql = await startPostgresql();
      const { url } = await postgresql.database();
      await using media = await startAgent({ config: 'api: yes\npaths:\n  all_others:\n' });
      await using _clip = await publishClip(media, 'camera', await smallClip(120));
      const door = `{ source: '${media.rtspUrl('camera')}', forward: [{ dest: '${media.rtspUrl('live')}' }] }`;
      const config = `api: yes\nrtspTransports: [tcp]\npaths:\n  door: ${door}\n`;
      const start = () => startAgent({ config, env: { PERCH_DATABASEURL: url } });
      const [one, other] = await Promise.all([start(), start()]);
      await using _one = one;
      await using _other = other;
      const publishers = async () =>
        (await media.json<Sessions>('/v3/rtspsessions/list')).items.filter(
          ({ state, path }) => state === 'publish' && path === 'live',
        );
      const stateOf = async (agent: Agent) =>
        (await agent.json<Forwards>('/v3/paths/forward/list?path=door')).items[0]?.state;
      const states = async () => [await stateOf(one), await stateOf(other)].sort().join();
      const isReady = async (agent: Agent) =>
        (await agent.json<{ readonly ready: boolean }>('/v3/paths/get/door')).ready;
      await until(async () =>
        (await isReady(one)) && (await isReady(other)) && (await states()) === 'forwarding,idle' ? true : undefined,
      );
      const [before] = await publishers();
      // The other one asks meanwhile.
      const seen: string[] = [];
      await until(async () => {
        seen.push(`${await states()} ${(await publishers()).map(({ id }) => id).join()}`);
        return seen.length > 60 ? true : undefined;
      });
      expect(new Set(seen)).toEqual(new Set([`forwarding,idle ${before?.id}`]));
      const [killed, left] = (await stateOf(one)) === 'forwarding' ? [one, other] : [other, one];
      const killedMs = performance.now();
      await killed.process.stop('SIGKILL');
      await until(async () => ((await stateOf(left)) === 'forwarding' ? true : undefined));
      expect(performance.now() - killedMs).toBeLessThan(20_000);
      const [now] = await until(async () => {
        const found = await publishers();
        return found.length === 1 && found[0]?.id !== before?.id ? found : undefined;
      });
      await postgresql.kill();
      await until(async () => {
        const { items } = await left.json<{ readonly items: readonly { readonly why: string }[] }>('/v3/problems/list');
        return items.some(({ why }) => why === 'away') ? true : undefined;
      });
      expect((await publishers()).map(({ id }) => id)).toEqual([now?.id]);
    },
  );
});

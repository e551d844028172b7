import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../../../peers/agent/agent.ts';
import { asOwner } from '../../../peers/agent/paired-boxes.ts';
import { byLength, describeWith } from '../../../peers/programs/peers.ts';
import { SERVED_BY } from '../support/balancer.ts';
import { Person } from '../support/person.ts';
import { cameraOf, linkedBoxes, PEERS, type Replicated, startReplicated } from '../support/replicas.ts';

const LIMIT = { timeout: 240_000 };
/** Two cores run five Perches, three engines and what other tests need. */
const BACK_MS = byLength(90_000, 5_000);
const REVOKED_MS = byLength(45_000, 2_000);

describeWith(PEERS, 'two replicas behind a load balancer that knows no sessions', () => {
  let fleet: Replicated;
  const camera = cameraOf(0);

  beforeAll(async () => {
    fleet = await startReplicated({ boxes: 2, replicas: 2, natsServers: 1 });
    await until(async () => {
      const linked = await Promise.all(
        fleet.replicas.map(({ agent }) => linkedBoxes({ url: agent.url, headers: fleet.owner.headers })),
      );
      return linked.every(({ length }) => length === 2) || undefined;
    });
  }, 240_000);
  afterAll(() => fleet?.[Symbol.asyncDispose]());

  test('a person logs in, watches and plays back, at whichever replica the next request arrives', LIMIT, async () => {
    const person = await Person.add(fleet, 'anna');
    const servedBy = new Set<string | null>();
    for (let i = 0; i < 6; i += 1) {
      const live = await person.ask(`/hls/${camera}/live.mp4`);
      servedBy.add(live.headers.get(SERVED_BY));
      expect((await live.body?.getReader().read())?.value?.byteLength).toBeGreaterThan(100);
      await live.body?.cancel().catch(() => {});
    }
    expect(servedBy.size).toBe(2);
    await person.playsBack(camera);
    await person.playsBack(cameraOf(1));
  });

  test('a right that is taken away ends what it permitted, at both replicas', LIMIT, async () => {
    const person = await Person.add(fleet, 'bert');
    const watching = await Promise.all(fleet.replicas.map(({ agent }) => person.watch(agent.url, camera)));
    await asOwner(fleet.owner, 'PATCH', '/v3/users/bert', { cameras: [] });
    const takenMs = performance.now();
    await Promise.all(watching.map(({ ended }) => ended));
    expect(performance.now() - takenMs).toBeLessThan(REVOKED_MS);
    for (let i = 0; i < 4; i += 1) {
      expect((await person.ask(`/hls/${camera}/live.mp4`)).status).toBe(401);
    }
  });

  test('kill -9 of a replica: the viewer goes on at the other one, which the boxes do not notice', LIMIT, async () => {
    const person = await Person.add(fleet, 'cleo');
    const [first] = fleet.replicas;
    await first?.kill();
    const killedMs = performance.now();
    await until(() => person.sees(camera));
    await person.playsBack(camera);
    expect(performance.now() - killedMs).toBeLessThan(BACK_MS);
    await first?.start();
    await until(async () => {
      const linked = await linkedBoxes({ url: first?.agent.url ?? '', headers: fleet.owner.headers });
      return linked.length === 2 || undefined;
    });
  });
});

describeWith(PEERS, "servers of a fleet with Perch's own certificates", () => {
  test('each has the box connect to it, and shows its camera', { timeout: 400_000 }, async () => {
    // The box knows the certificate of the one that has invited it, and connects to one by the balancer.
    await using fleet = await startReplicated({ boxes: 1, replicas: 3, natsServers: 1, hasOwnCertificates: true });
    const { headers } = fleet.owner;
    const path = `/hls/${cameraOf(0)}/index.m3u8?cookieCheck=1`;
    for (const { agent } of fleet.replicas) {
      await until(async () => {
        const answer = await fetch(agent.url + path, { headers });
        return answer.ok && (await answer.text()).includes('#EXTM3U') ? true : undefined;
      });
      const problems = await fetch(`${agent.url}/v3/problems/list`, { headers });
      expect(await problems.json()).toMatchObject({ items: [] });
    }
  });
});

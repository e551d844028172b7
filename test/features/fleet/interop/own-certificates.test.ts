import { expect, test } from 'vitest';
import { until } from '../../../peers/agent/agent.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { cameraOf, PEERS, startReplicated } from '../support/replicas.ts';

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

import { expect, test } from 'vitest';
import { startAgent } from '../peers/agent/agent.ts';
import { setupCodeOf } from '../support/base/setup-code.ts';

const CONFIG = 'perch: own\npaths:\n  stage:\n';
const MAX_MS = 30_000;

test('a box that is asked to restart notifies listeners, ends in order with its exit code, and returns with the next start', {
  timeout: MAX_MS,
}, async () => {
  await using agent = await startAgent({ config: CONFIG, env: { PERCH_RESTART_CODE: '85' } });
  const claim = { password: 'a kingfisher on a perch', setupCode: setupCodeOf(agent) };
  const claimed = await fetch(`${agent.url}/v3/claim`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(claim),
  });
  const headers = { cookie: claimed.headers.getSetCookie()[0]?.split(';')[0] ?? '', 'Sec-Fetch-Site': 'same-origin' };
  const events = await fetch(`${agent.url}/v3/events?types=box`, { headers });
  const answer = await fetch(`${agent.url}/v3/restart`, { method: 'POST', headers });
  expect(await answer.json()).toMatchObject({ status: 'ok', seconds: expect.any(Number) });
  expect(await textUntil(events, /"state":"restarting","seconds":\d/)).toContain('event: box');
  expect(await agent.process.exited).toBe(85);
  expect(agent.process.output()).toMatch(/INF stopped\n$/);
  await using again = await startAgent({
    ...{ config: CONFIG, dataDir: agent.dataDir, ports: agent.ports },
    env: { PERCH_RESTART_CODE: undefined, INVOCATION_ID: undefined },
  });
  expect(await (await fetch(`${again.url}/v3/restart`, { method: 'POST', headers })).json()).toMatchObject({
    error: expect.stringContaining('Perch cannot restart itself here'),
  });
});

/** What has come of an answer that does not end by itself. */
async function textUntil({ body }: Response, wanted: RegExp): Promise<string> {
  let text = '';
  for await (const chunk of body ?? []) {
    text += Buffer.from(chunk).toString();
    if (wanted.test(text)) {
      break;
    }
  }
  return text;
}

import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import {
  ASK,
  callerOf,
  envelope,
  failureOf,
  fault,
  hasToken,
  INFORMATION,
  listen,
} from '../../../test/support/cameras/soap-server.ts';

test('a call and the further requests that verify its login share one deadline', async () => {
  const clock = new FakeClock();
  let isRight = true;
  const { url, requests } = await listen((asked, response) => {
    const isAllowed = hasToken(asked) && isRight;
    // Each answer takes the 5 s of the call.
    void clock.advance(isRight ? 0 : 5_000);
    response.writeHead(isAllowed ? 200 : 400).end(isAllowed ? envelope(INFORMATION) : fault('NotAuthorized'));
  });
  const caller = callerOf(url, { clock });
  await caller.call(ASK);
  isRight = false;
  await clock.advance(60_000);
  const asked = requests.length;
  const error = await failureOf(caller.call({ ...ASK, body: '<trt:GetProfiles/>', response: 'GetProfilesResponse' }));
  expect([error.context['camera'], error.message]).toEqual(['timeout', expect.stringContaining('within 5 s')]);
  expect(requests).toHaveLength(asked + 1);
});

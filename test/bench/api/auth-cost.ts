import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { listenLocally } from '../../support/base/local-listener.ts';
import { openHttpHarness } from '../../support/harness/http/http-harness.ts';
import type { Figure } from '../measure/figure.ts';

const RUNS = 7;
const WARM_UP = 20_000;
const REQUESTS = 50_000;
const PASSWORD = 'blue heron';

interface Cost {
  readonly usPerRequest: number[];
  readonly scryptCalls: number;
}

let measured: Promise<Cost> | undefined;

/** Once for both figures: what the decision on a request with a session's cookie costs, inside a request of a real connection. */
function cost(): Promise<Cost> {
  measured ??= measure();
  return measured;
}

async function measure(): Promise<Cost> {
  const count = countHashes();
  await using box = await openHttpHarness({ password: PASSWORD });
  const usPerRequest: number[] = [];
  let before = 0;
  box.app.get('/measured', async (request) => {
    const decide = async (times: number) => {
      for (let i = 0; i < times; i += 1) {
        await box.access.require(request, 'read', 'door');
      }
    };
    await decide(WARM_UP);
    before = count();
    for (let run = 0; run < RUNS; run += 1) {
      const startMs = performance.now();
      await decide(REQUESTS);
      usPerRequest.push(((performance.now() - startMs) * 1000) / REQUESTS);
    }
    return { status: 'ok' };
  });
  const base = `http://127.0.0.1:${(await listenLocally(box.app)).port}`;
  const logIn = await fetch(`${base}/v3/session`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Origin: base },
    body: JSON.stringify({ password: PASSWORD }),
  });
  const cookie = logIn.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  // The claim and the login: a count that counts nothing would prove nothing.
  if (count() < 2) {
    throw new Error(`the password was hashed ${count()} times before, expected 2`);
  }
  const answer = await fetch(`${base}/measured`, { headers: { Cookie: cookie } });
  if (answer.status !== 200) {
    throw new Error(`the session was answered with ${answer.status}`);
  }
  return { usPerRequest, scryptCalls: count() - before };
}

/** Counts every scrypt call of this process from now on, in all modules. */
function countHashes(): () => number {
  let calls = 0;
  const real = crypto.scrypt;
  crypto.scrypt = ((...given: Parameters<typeof real>) => {
    calls += 1;
    return real(...given);
  }) as typeof real;
  syncBuiltinESMExports();
  return () => calls;
}

export const authCost: Figure = {
  name: 'auth-cost',
  unit: 'µs',
  goal: 20,
  isAbsolute: true,
  about: 'time to authorize one request with a session cookie',
  measure: async () => (await cost()).usPerRequest,
};

export const authCostScrypt: Figure = {
  name: 'auth-cost-scrypt',
  unit: 'times',
  goal: 0,
  isAbsolute: false,
  about: `password hashes computed for ${RUNS * REQUESTS} such requests`,
  measure: async () => [(await cost()).scryptCalls],
};

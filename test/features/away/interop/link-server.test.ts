import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { linkPinOf, type NewLinkedBox } from '../../../../agent/auth/pairing/linked-boxes.ts';
import { systemClock } from '../../../../agent/base/clock.ts';
import { privateKeyOf } from '../../../../agent/features/away/keys/away-file.ts';
import { writeAwayInvitation } from '../../../../agent/features/away/keys/invitation.ts';
import type { AwayServerItem } from '../../../../agent/features/away/routes.ts';
import { BoxClient } from '../../../../agent/features/boxes/client/box-client.ts';
import { SELF_PATH } from '../../../../agent/features/boxes/client/box-link.ts';
import { AGENT, OWNER_PASSWORD, startAgent } from '../../../peers/agent/agent.ts';
import { asOwner } from '../../../peers/agent/paired-boxes.ts';
import { runProcess } from '../../../peers/programs/process.ts';
import { startLinkServer } from '../support/link-server.ts';

test('within a link a server gets nothing without a signature, not even with the password of the owner', async () => {
  const { called, invitations, boxLinks, added } = await startLinkServer(systemClock);
  await using box = await startAgent({ isOwned: true });
  const { secret, key } = invitations.create();
  const invitation = writeAwayInvitation({ ...called, key, secret, name: 'Hostile' });
  const joined = await asOwner<AwayServerItem>(box, 'POST', '/v3/away/servers', { invitation });
  expect(joined).toMatchObject({ name: 'Hostile', state: 'connected' });
  const id = added[0]?.id ?? '';
  const ask = async (method: string, path: string, headers: Record<string, string> = {}) => {
    const outgoing = request({ createConnection: () => boxLinks.open(id), method, path, headers });
    outgoing.end();
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    return [path, answer.statusCode, (await text(answer)).includes('signed') || method === 'HEAD'];
  };
  const login = { authorization: `Basic ${Buffer.from(`owner:${OWNER_PASSWORD}`).toString('base64')}` };
  const forged = {
    'signature-input':
      'perch=("@method" "@path" "@query" "perch-run");created=1;expires=2;nonce="AAAAAAAAAAAAAAAA";keyid="x";alg="ed25519";tag="perch"',
    signature: `perch=:${'A'.repeat(86)}==:`,
  };
  for (const [method, path, headers] of [
    ['GET', '/', {}],
    ['GET', '/health', {}],
    ['HEAD', '/health', {}],
    ['GET', '/nothing-is-here', {}],
    ['GET', '/v3/paths/list', login],
    ['GET', '/v3/session', { cookie: box.headers['cookie'] ?? '' }],
    ['POST', '/v3/pairedservers/pair', login],
    ['GET', '/v3/pairedservers/rtsp', { ...login, connection: 'Upgrade', upgrade: 'websocket' }],
  ] as const) {
    expect(await ask(method, path, headers)).toEqual([path, 401, true]);
  }
  expect((await ask('GET', '/v3/paths/list', { ...login, ...forged })).slice(0, 2)).toEqual(['/v3/paths/list', 401]);
  // Other connections to the box are as before.
  expect((await fetch(`${box.url}/health`)).status).toBe(200);
});

test('within a link only its own server is answered, and not another one that is paired, too', async () => {
  await using box = await startAgent({ isOwned: true });
  const [first, second] = [await startLinkServer(systemClock), await startLinkServer(systemClock)];
  for (const { called, invitations } of [first, second]) {
    const { secret, key } = invitations.create();
    const invitation = writeAwayInvitation({ ...called, key, secret, name: 'Cloud' });
    await asOwner<AwayServerItem>(box, 'POST', '/v3/away/servers', { invitation });
  }
  const pairing = second.added[0] as NewLinkedBox;
  const identity = { id: pairing.server, key: privateKeyOf(pairing), box: pairing.id, namesBox: true };
  const statusWithin = async ({ boxLinks }: typeof first): Promise<number> => {
    const openStream = () => boxLinks.open(pairing.id);
    const client = new BoxClient({ pin: linkPinOf(pairing.boxKey), identity, clock: systemClock, openStream });
    client.useLink();
    const { status, body } = await client.request('GET', SELF_PATH);
    body.resume();
    client.close();
    return status;
  };
  expect([await statusWithin(second), await statusWithin(first)]).toEqual([200, 401]);
});

test('perch connect has a running box connect, and names the reason when it cannot', async () => {
  const { called, invitations, added } = await startLinkServer(systemClock);
  await using box = await startAgent({ isOwned: true });
  const { secret, key } = invitations.create();
  const invitation = writeAwayInvitation({ ...called, key, secret, name: 'Cloud' });
  const connect = () => runProcess(process.execPath, [...AGENT, 'connect', invitation, '--data', box.dataDir]);
  expect(await connect()).toMatchObject({ code: 0, output: 'This box is connected to Cloud.\n' });
  expect(added).toHaveLength(1);
  const { items } = await box.json<{ readonly items: readonly AwayServerItem[] }>('/v3/away/servers/list');
  expect(items).toMatchObject([{ name: 'Cloud', state: 'connected' }]);
  const again = await connect();
  expect([again.code === 0, again.output]).toEqual([false, expect.stringContaining('was used')]);
});

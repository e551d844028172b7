import { PerchError } from '../../../base/errors.ts';
import { openBus } from '../bus/connection.ts';
import type { FleetAuthority } from './authority.ts';

const ANSWER_MS = 10_000;
/** Where NATS servers with a full resolver take the new JWT of an account. */
const UPDATE = '$SYS.REQ.CLAIMS.UPDATE';

/** Gives a NATS server and its cluster the account's JWT: they end the connections of revoked members. @throws PerchError */
export async function publishAccount(server: string, keys: FleetAuthority, nowMs: number): Promise<void> {
  const { authority } = keys;
  const credential = { ...(await keys.systemCredential(nowMs)), ...(authority !== undefined && { authority }) };
  const { client, close } = await openBus(
    server,
    { format: 'perch-fleet', ...credential },
    { role: 'server', id: 'owner' },
  );
  try {
    const answer = await client.request(UPDATE, await keys.accountJwt(), { timeout: ANSWER_MS });
    const { data, error } = answer.json<{ data?: { code?: number }; error?: { description?: string } }>();
    if (data?.code !== 200) {
      throw new PerchError(
        'unavailable',
        `${server} rejects the account: ${error?.description ?? 'it does not say why'}`,
      );
    }
  } finally {
    await close();
  }
}

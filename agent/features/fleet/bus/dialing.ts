import type { LinkedBoxes } from '../../../auth/pairing/linked-boxes.ts';
import type { PairedServers } from '../../../auth/pairing/paired-servers.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import type { BusConnection } from './connection.ts';
import type { Credential } from './credential.ts';
import { requestSubject } from './subjects.ts';

/** Longest order, see `dial-order.ts`. */
const MAX_ORDER_BYTES = 2_000;
const MAX_REASON_CHARS = 200;

/** What a box says to an order to dial. */
export interface DialAnswer {
  readonly error?: string;
  readonly why?: string;
  /** What an order has to name. */
  readonly now?: { readonly run: string; readonly timeS: number };
}

interface DialingDeps {
  readonly links: Pick<LinkedBoxes, 'dialer'>;
  readonly servers: Pick<PairedServers, 'list'>;
  readonly log: Logger;
}

/** Takes orders of the fleet to dial one of its servers, until the connection ends. */
export async function takeOrders(
  { client }: BusConnection,
  box: string,
  { orders, hosts }: Credential,
  { links, servers, log }: DialingDeps,
): Promise<void> {
  const { dialer } = links;
  if (!dialer) {
    return;
  }
  // Without hosts in its credential this box forgets those of a former one.
  const fleet =
    orders && hosts.length > 0 ? { key: orders.key, replicas: hosts.map((address) => ({ address })) } : undefined;
  const trustPaired = async () => {
    for (const { id } of servers.list()) {
      await dialer.trust(id, fleet).catch((error: unknown) => {
        // A server that connects to this box itself needs no order.
        if (!(error instanceof PerchError && error.code === 'notFound')) {
          log.warn({ server: id, cause: explain(error) }, 'orders of the fleet are not taken');
        }
      });
    }
  };
  await trustPaired();
  if (!fleet) {
    return;
  }
  const obey = async (order: string) => {
    try {
      await dialer.obey(order);
    } catch (error) {
      if (whyOf(error) !== 'unknown') {
        throw error;
      }
      // The box may have been paired with this server after it had connected to the bus.
      await trustPaired();
      await dialer.obey(order);
    }
  };
  client.subscribe(requestSubject(box, 'dial'), {
    callback: (fault, message) => {
      if (fault || message.data.length > MAX_ORDER_BYTES) {
        return;
      }
      void obey(message.string()).then(
        () => void message.respond(JSON.stringify({})),
        (error: unknown) => {
          const why = whyOf(error);
          const answer: DialAnswer = {
            error: explain(error).slice(0, MAX_REASON_CHARS),
            ...(typeof why === 'string' && { why }),
            ...((why === 'run' || why === 'expired') && { now: dialer.now }),
          };
          message.respond(JSON.stringify(answer));
        },
      );
    },
  });
}

const whyOf = (error: unknown): unknown => (error instanceof PerchError ? error.context['why'] : undefined);

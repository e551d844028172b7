import type { LinkedBoxes } from '../../../auth/pairing/linked-boxes.ts';
import type { PairedServers } from '../../../auth/pairing/paired-servers.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { SerialQueue } from '../../../base/serial-queue.ts';
import type { BusConnection } from './connection.ts';
import { type Credential, memberOf } from './credential.ts';
import { HOSTS_HEADER, laterHosts } from './host-list.ts';
import type { LearntHosts } from './learnt-hosts.ts';
import { answersOf, isInbox, requestSubject } from './subjects.ts';

/** Longest order, see `dial-order.ts`. */
const MAX_ORDER_BYTES = 2_000;

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
  readonly learnt: LearntHosts;
  readonly log: Logger;
}

/** Takes orders of the fleet to dial one of its servers, until the connection ends. */
export async function takeOrders(
  { client }: BusConnection,
  box: string,
  { jwt, orders, list, hosts = [] }: Credential,
  { links, servers, learnt, log }: DialingDeps,
): Promise<void> {
  const { dialer } = links;
  if (!dialer) {
    return;
  }
  const { account } = memberOf(jwt);
  const stored = await learnt.of(account);
  let known = stored && stored.version > (list?.version ?? 0) ? stored : list;
  const trustPaired = async () => {
    // Without hosts in its credential this box forgets those of a former one.
    const replicas = (known?.hosts ?? hosts).map((address) => ({ address }));
    const fleet = orders && replicas.length > 0 ? { key: orders.key, replicas } : undefined;
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
  if (!orders) {
    return;
  }
  const turns = new SerialQueue();
  const learnFrom = (header: string) =>
    turns.run(async () => {
      const later = laterHosts(header, known?.version ?? 0, account);
      if (later) {
        known = later;
        await trustPaired();
        await learnt.keep(account, later).catch((error: unknown) => {
          log.warn({ cause: explain(error) }, 'the servers of the fleet cannot be saved');
        });
        log.info({ hosts: later.hosts }, 'the servers of the fleet have changed');
      }
    });
  const obey = async (order: string, header: string) => {
    if (header !== '') {
      await learnFrom(header);
    }
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
  const answer = (reply: string, said: DialAnswer): void => {
    try {
      client.publish(reply, JSON.stringify(said));
    } catch (error) {
      log.debug({ cause: explain(error) }, 'an answer to an order is not sent to the bus');
    }
  };
  const isOwn = answersOf(box);
  client.subscribe(requestSubject(box, 'dial'), {
    callback: (fault, message) => {
      const { data, reply = '' } = message;
      if (fault || data.length > MAX_ORDER_BYTES || !(isOwn(reply) || isInbox(reply))) {
        return;
      }
      void obey(message.string(), message.headers?.get(HOSTS_HEADER) ?? '').then(
        () => answer(reply, {}),
        (error: unknown) => {
          const why = whyOf(error);
          answer(reply, {
            error: explain(error).slice(0, 200),
            ...(typeof why === 'string' && { why }),
            ...((why === 'run' || why === 'expired') && { now: dialer.now }),
          });
        },
      );
    },
  });
}

const whyOf = (error: unknown): unknown => (error instanceof PerchError ? error.context['why'] : undefined);

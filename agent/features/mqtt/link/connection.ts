import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { type IClientPublishOptions, MqttClient } from 'mqtt';
import { PerchError } from '../../../base/errors.ts';
import { withJoinedSignal } from '../../../base/joined-signal.ts';
import { explainedFailure, mqttFailure } from './failure.ts';
import { PacketSizeLimit } from './packet-size.ts';
import { addressOf, type BrokerAddress, type BrokerSettings } from './settings.ts';

/** Time limit of the connection with TLS, and again of the broker's answer (CONNACK). */
const CONNECT_MS = 10_000;
const KEEP_ALIVE_S = 30;
/** Time limit of the farewell message and the close if the broker does not answer. */
const FAREWELL_MS = 2_000;

export interface Will {
  readonly topic: string;
  readonly payload: string;
}

interface BrokerOptions {
  readonly settings: BrokerSettings;
  readonly clientId: string;
  /** Retained message that the broker publishes when the connection is lost. */
  readonly will?: Will;
  readonly onMessage?: (topic: string, payload: Buffer, isRetained: boolean) => void;
  readonly signal: AbortSignal;
}

/** A connection to a broker; its session ends with it. */
export interface BrokerConnection {
  /** Resolves with the cause when the connection has ended. */
  readonly ended: Promise<PerchError>;
  /** Sends at most once (QoS 0), and only while the connection is open. */
  send(
    topic: string,
    payload: string | Buffer,
    options?: { readonly isRetained?: boolean; readonly isLarge?: boolean },
  ): void;
  /** Delivers at least once (QoS 1). @throws if the connection ends before the broker has confirmed the message */
  deliver(topic: string, payload: string, options?: { readonly isRetained?: boolean }): Promise<void>;
  /** @throws PerchError if the broker rejects the subscription */
  subscribe(topics: readonly string[]): Promise<void>;
  /** Publishes the farewell as a retained message and closes: after DISCONNECT the broker does not publish the will. */
  close(farewell?: Will): Promise<void>;
}

/** Connects and logs in. @throws PerchError with `why` in its context */
export async function openBroker(options: BrokerOptions): Promise<BrokerConnection> {
  const address = addressOf(options.settings.mqttURL);
  const socket = await dial(address, options.settings.mqttFingerprint, options.signal);
  const client = new MqttClient(() => socket, {
    ...clientOptions(options),
    // `MqttLink` reconnects, and waits longer after each failure.
    reconnectPeriod: 0,
  });
  const { promise: ended, resolve: end } = Promise.withResolvers<PerchError>();
  const { promise: connected, resolve: connect, reject } = Promise.withResolvers<void>();
  let cause: unknown;
  const limit = new PacketSizeLimit();
  socket.prependListener('data', (chunk: Buffer) => {
    try {
      limit.take(chunk);
    } catch (error) {
      cause ??= error;
      socket.destroy();
    }
  });
  const abort = () => socket.destroy();
  options.signal.addEventListener('abort', abort, { once: true });
  client.on('connect', () => connect());
  client.on('error', (error) => {
    cause ??= error;
    socket.destroy();
  });
  client.once('close', () => {
    options.signal.removeEventListener('abort', abort);
    reject(explainedFailure(cause, address, 'login'));
    end(
      cause === undefined
        ? mqttFailure('other', 'the broker closed the connection')
        : explainedFailure(cause, address, 'login'),
    );
    client.end(true);
  });
  client.on('message', (topic, payload, { retain }) => options.onMessage?.(topic, payload, retain));
  // If a broker accepts the connection and stays silent, the library's timeout ends it.
  await connected;
  return connectionOf(client, socket, ended);
}

function connectionOf(client: MqttClient, socket: Socket, ended: Promise<PerchError>): BrokerConnection {
  const publish = (topic: string, payload: string | Buffer, options: IClientPublishOptions) =>
    new Promise<void>((resolve, reject) => {
      client.publish(topic, payload, options, (error) => (error ? reject(error) : resolve()));
    });
  return {
    ended,
    send: (topic, payload, { isRetained = false, isLarge = false } = {}) => {
      // Pictures are dropped while the broker does not read.
      if (client.connected && !(isLarge && socket.writableLength > 512 << 10)) {
        client.publish(topic, payload, { qos: 0, retain: isRetained }, () => {});
      }
    },
    deliver: (topic, payload, { isRetained = false } = {}) => publish(topic, payload, { qos: 1, retain: isRetained }),
    subscribe: async (topics) => {
      try {
        await client.subscribeAsync([...topics], { qos: 0 });
      } catch (error) {
        throw new PerchError('unauthorized', `the broker rejects the subscription of ${topics.join(', ')}`, {}, error);
      }
    },
    close: async (farewell) => {
      const late = setTimeout(() => socket.destroy(), FAREWELL_MS);
      if (farewell && client.connected) {
        const { topic, payload } = farewell;
        await Promise.race([publish(topic, payload, { qos: 1, retain: true }).catch(() => {}), ended]);
      }
      client.end();
      await ended;
      clearTimeout(late);
    },
  };
}

const clientOptions = ({ settings, clientId, will }: BrokerOptions) => ({
  clientId,
  protocolVersion: 4 as const,
  clean: true,
  resubscribe: false,
  queueQoSZero: false,
  keepalive: KEEP_ALIVE_S,
  connectTimeout: CONNECT_MS,
  ...(settings.mqttUser !== '' && { username: settings.mqttUser }),
  ...(settings.mqttPassword !== '' && { password: settings.mqttPassword }),
  ...(will && { will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1 as const, retain: true } }),
});

/** Connects and checks the certificate before anything is sent, because CONNECT has the password. */
async function dial(address: BrokerAddress, fingerprint: string, signal: AbortSignal): Promise<Socket> {
  return withJoinedSignal([signal], CONNECT_MS, async (over) => {
    const { promise, resolve, reject } = Promise.withResolvers<Socket>();
    const { isTls, servername, ...target } = address;
    const name = servername === undefined ? {} : { servername };
    const socket = isTls
      ? // A fingerprint replaces the check of the certificate's signature.
        connectTls({ ...target, ...name, rejectUnauthorized: fingerprint === '' }, () => resolve(socket))
      : connectTcp(target, () => resolve(socket));
    const abort = () => reject(mqttFailure('timeout', `no answer from ${address.host}:${address.port}`));
    over.signal.addEventListener('abort', abort, { once: true });
    socket.on('error', reject);
    socket.once('close', () => reject(undefined));
    try {
      await promise;
      checkPin(socket, isTls ? fingerprint : '');
      socket.setNoDelay(true);
      return socket;
    } catch (error) {
      socket.destroy();
      throw explainedFailure(error, address, 'dial');
    } finally {
      over.signal.removeEventListener('abort', abort);
    }
  });
}

function checkPin(socket: Socket, fingerprint: string): void {
  if (fingerprint === '') {
    return;
  }
  const seen = (socket as TLSSocket).getPeerCertificate().fingerprint256?.replaceAll(':', '').toLowerCase() ?? 'none';
  if (seen !== fingerprint) {
    throw mqttFailure('certificate', `the broker's certificate has the fingerprint ${seen}, expected ${fingerprint}`);
  }
}

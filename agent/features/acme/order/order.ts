import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import { type Authorization, acmeCrypto, Client, type Order } from './acme-client.ts';
import type { Challenges } from './challenges.ts';
import { acmeFailure } from './failure.ts';
import { challengeFailure } from './problem.ts';
import { requestsOf } from './requests.ts';

const HTTP_01 = 'http-01';
/** The authority has so long for its checks, and as long for the certificate. */
const PATIENCE_MS = 180_000;
const FIRST_PAUSE_MS = 500;

export interface OrderRequest {
  readonly directory: string;
  /** Empty: none. */
  readonly email: string;
  readonly names: readonly string[];
  /** PEM. */
  readonly accountKey: string;
  readonly challenges: Challenges;
  readonly clock: Pick<Clock, 'sleep' | 'monoMs' | 'wallMs'>;
  readonly signal: AbortSignal;
}

/** PEM. */
export interface OrderedCertificate {
  readonly key: string;
  /** With the chain. */
  readonly cert: string;
}

/** PEM of a new key: ECDSA, P-256. */
export const newKey = async (): Promise<string> => (await acmeCrypto.createPrivateEcdsaKey('P-256')).toString();

/** Gets a certificate for all names, by HTTP-01 (RFC 8555). @throws PerchError whose context says why (`failure.ts`) */
export async function orderCertificate(request: OrderRequest): Promise<OrderedCertificate> {
  try {
    return await new Ordering(request).run();
  } catch (error) {
    throw error instanceof PerchError ? error : acmeFailure('authority', explain(error).slice(0, 400));
  }
}

class Ordering {
  readonly #request: OrderRequest;
  readonly #client: Client;

  constructor(request: OrderRequest) {
    const { directory: directoryUrl, accountKey, signal, clock } = request;
    this.#request = request;
    this.#client = new Client({ directoryUrl, accountKey });
    // Not in its types. The version is pinned.
    const { http } = this.#client as unknown as { readonly http: { request: ReturnType<typeof requestsOf> } };
    http.request = requestsOf(signal, () => clock.wallMs());
  }

  async run(): Promise<OrderedCertificate> {
    const client = this.#client;
    const { email, names } = this.#request;
    // The authority answers with the account that the key has, if there is one.
    const account = { termsOfServiceAgreed: true };
    const { api } = client as unknown as { readonly api: { createAccount(data: object): Promise<unknown> } };
    // Without an address the library would update a known account with nothing, which authorities reject.
    await (email === ''
      ? api.createAccount(account)
      : client.createAccount({ ...account, contact: [`mailto:${email}`] }));
    const order = await client.createOrder({ identifiers: names.map((value) => ({ type: 'dns', value })) });
    await this.#prove(order);
    const key = await newKey();
    const [, csr] = await acmeCrypto.createCsr({ altNames: [...names] }, key);
    const ready = await this.#until(order, () => client.getOrder(order), isOrder('ready'));
    const finished = await client.finalizeOrder(ready, csr);
    const valid = await this.#until(finished, () => client.getOrder(order), isOrder('valid'));
    const cert = await client.getCertificate(valid);
    checkCertificate(cert, key, names);
    return { key, cert };
  }

  /** Lets the authority check that each name leads here. */
  async #prove(order: Order): Promise<void> {
    const { challenges } = this.#request;
    const hidden: (() => void)[] = [];
    try {
      const authorizations = await this.#client.getAuthorizations(order);
      for (const authorization of authorizations) {
        const challenge = authorization.challenges.find(({ type }) => type === HTTP_01);
        if (authorization.status !== 'pending') {
          continue;
        }
        if (!challenge) {
          const { value } = authorization.identifier;
          throw acmeFailure('rejected', `${value}: the authority offers no check by HTTP (http-01)`);
        }
        hidden.push(challenges.publish(challenge.token, await this.#client.getChallengeKeyAuthorization(challenge)));
        await this.#client.completeChallenge(challenge);
      }
      await this.#until(
        authorizations,
        () => this.#client.getAuthorizations(order),
        (all) => all.map(isProven).every(Boolean),
      );
    } finally {
      for (const hide of hidden) {
        hide();
      }
    }
  }

  /** Asks again, less and less often. @param isDone throws for a state that cannot become another */
  async #until<T>(first: T, ask: () => Promise<T>, isDone: (state: T) => boolean): Promise<T> {
    const { clock, signal } = this.#request;
    const beginMs = clock.monoMs();
    let pauseMs = FIRST_PAUSE_MS;
    let state = first;
    while (!isDone(state)) {
      if (clock.monoMs() - beginMs > PATIENCE_MS) {
        throw acmeFailure('authority', `the authority has not decided within ${PATIENCE_MS / 1_000} s`);
      }
      await clock.sleep(pauseMs, signal);
      if (signal.aborted) {
        throw acmeFailure('other', 'ended before the authority has decided');
      }
      pauseMs = Math.min(10_000, pauseMs * 2);
      state = await ask();
    }
    return state;
  }
}

const isOrder =
  (wanted: 'ready' | 'valid') =>
  (order: Order): boolean => {
    const { status } = order;
    if (status === 'invalid') {
      const { error } = order as { error?: unknown };
      throw challengeFailure(error, 'the order');
    }
    return status === wanted;
  };

/** @throws PerchError if the check has failed */
function isProven({ status, identifier, challenges }: Authorization): boolean {
  if (status !== 'pending' && status !== 'valid') {
    const failed = challenges.find((challenge) => challenge.status === 'invalid') as { error?: unknown } | undefined;
    throw challengeFailure(failed?.error, identifier.value);
  }
  return status === 'valid';
}

/** @throws PerchError */
function checkCertificate(cert: string, key: string, names: readonly string[]): void {
  try {
    const leaf = new X509Certificate(cert);
    if (leaf.checkPrivateKey(createPrivateKey(key)) && names.every((name) => leaf.checkHost(name) !== undefined)) {
      return;
    }
  } catch {
    // Not a certificate.
  }
  throw acmeFailure('authority', 'the authority has sent another certificate than the one that was asked for');
}

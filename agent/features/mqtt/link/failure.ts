import { PerchError } from '../../../base/errors.ts';
import type { BrokerAddress } from './settings.ts';

/** Why there is no connection, as a word for programs; the page has a sentence for each word. */
const MQTT_FAILURES = ['name', 'unreachable', 'timeout', 'certificate', 'noTls', 'login', 'noMqtt', 'other'] as const;
export type MqttFailureWhy = (typeof MQTT_FAILURES)[number];

const NAME_ERRORS = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_NODATA', 'EAI_NONAME']);
const REACH_ERRORS = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ETIMEDOUT']);
const CUT_ERRORS = new Set(['ECONNRESET', 'EPIPE']);
/** CONNACK return codes "bad user name or password" and "not authorized" (MQTT 3.1.1 §3.2.2.3). */
const LOGIN_CODES: readonly unknown[] = [4, 5];

/** Messages of the MQTT library about an answer that is not MQTT. */
const NOT_MQTT = /^(?:Invalid|Malformed|Cannot parse|Packet must|Packet too)/;

export function mqttFailure(why: MqttFailureWhy, message: string, cause?: unknown): PerchError {
  return new PerchError(why === 'login' ? 'unauthorized' : 'unavailable', message, { why }, cause);
}

export const whyOf = (error: unknown): MqttFailureWhy => {
  const why = error instanceof PerchError ? error.context['why'] : undefined;
  return MQTT_FAILURES.find((one) => one === why) ?? 'other';
};

/**
 * The failure in a sentence.
 * @param error from the socket, TLS or the MQTT library, or undefined if the connection was closed
 */
export function explainedFailure(
  error: unknown,
  { host, port, isTls }: BrokerAddress,
  stage: 'dial' | 'login',
): PerchError {
  if (error instanceof PerchError) {
    return error;
  }
  const { code = '', message = String(error) } = (error ?? {}) as { code?: unknown; message?: string };
  const at = `${host}:${port}`;
  const text = String(code);
  if (NAME_ERRORS.has(text)) {
    return mqttFailure('name', `the name '${host}' is not known`, error);
  }
  if (REACH_ERRORS.has(text)) {
    return mqttFailure('unreachable', `no broker answers at ${at}`, error);
  }
  if (LOGIN_CODES.includes(code)) {
    return mqttFailure('login', 'the broker rejects the user name or the password', error);
  }
  if (/wrong version number|packet length too long|http request/i.test(message)) {
    return noTls(at, error);
  }
  if (isTls && /CERT|SELF_SIGNED|UNABLE_TO|ALTNAME|ERR_TLS/.test(text)) {
    return mqttFailure('certificate', `the broker's certificate is not trusted (${text}): set mqttFingerprint`, error);
  }
  if (/connack timeout/i.test(message)) {
    return mqttFailure('timeout', `the broker at ${at} does not answer`, error);
  }
  if (NOT_MQTT.test(message)) {
    return mqttFailure('noMqtt', `${at} is no MQTT broker (${message})`, error);
  }
  if (CUT_ERRORS.has(text) || error === undefined) {
    const hint = isTls ? '' : ': it may expect TLS (mqtts://)';
    const closed = `${at} closes the connection without an answer${hint}`;
    return isTls && stage === 'dial' ? noTls(at, error) : mqttFailure('noMqtt', closed, error);
  }
  return mqttFailure('other', message, error);
}

const noTls = (at: string, cause: unknown): PerchError =>
  mqttFailure('noTls', `the broker at ${at} does not speak TLS: write mqtt:// instead of mqtts://`, cause);

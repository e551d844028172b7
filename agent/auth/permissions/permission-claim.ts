import { PerchError } from '../../base/errors.ts';
import type { PermissionRule } from '../../config/schema/general.ts';

const ACTIONS: ReadonlySet<unknown> = new Set(['publish', 'read', 'playback', 'api', 'metrics', 'pprof']);
const isAction = (value: unknown): value is PermissionRule['action'] => ACTIONS.has(value);
const RULES_LIMIT = 1_000;
const PATH_CHARACTERS = 1_000;

/** A token's permissions: a list of `{ action, path }`, or that list as JSON text, because some identity servers write only text. */
export function parsePermissionClaim(claim: unknown, name: string): readonly PermissionRule[] {
  const list = typeof claim === 'string' ? jsonOf(claim, name) : claim;
  if (list === undefined) {
    throw new PerchError('unauthorized', `the token has no claim ${name}`);
  }
  if (!Array.isArray(list)) {
    throw new PerchError('unauthorized', `the token's claim ${name} is not a list`);
  }
  if (list.length > RULES_LIMIT) {
    throw new PerchError(
      'unauthorized',
      `the token's claim ${name} has ${list.length} items, the limit is ${RULES_LIMIT}`,
    );
  }
  return list.map((item, i) => ruleOf(item, `${name}[${i}]`));
}

function ruleOf(item: unknown, where: string): PermissionRule {
  if (typeof item !== 'object' || item === null) {
    throw new PerchError('unauthorized', `the token's claim ${where} is not an object`);
  }
  const { action, path = '' } = item as { readonly action?: unknown; readonly path?: unknown };
  if (!isAction(action)) {
    throw new PerchError('unauthorized', `the token's claim ${where} has an unknown action`);
  }
  if (typeof path !== 'string' || path.length > PATH_CHARACTERS) {
    throw new PerchError(
      'unauthorized',
      `the path of the token's claim ${where} is not a text of at most ${PATH_CHARACTERS} characters`,
    );
  }
  return { action, path };
}

function jsonOf(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PerchError('unauthorized', `the token's claim ${name} is not JSON`, {}, cause);
  }
}

import { explain } from '../../base/errors.ts';
import type { PermissionRule } from '../../config/schema/common/general.ts';
import { patternOf } from '../../config/values/path-name.ts';

const ACTIONS_WITH_PATH = new Set(['publish', 'read', 'playback']);

interface CompiledRule {
  readonly action: string;
  readonly path: string;
  readonly matches: (path: string) => boolean;
}

/** MediaMTX's permissions: a list of actions and paths. Some actions have no path. */
export class Permissions {
  /** Rules that can never match, and why. */
  readonly problems: readonly string[];
  readonly #rules: readonly CompiledRule[];

  constructor(rules: readonly PermissionRule[], where: string) {
    const problems: string[] = [];
    this.#rules = rules.map(({ action, path }) => ({
      action,
      path,
      matches: ACTIONS_WITH_PATH.has(action) ? pathRule(path, where, problems) : () => true,
    }));
    this.problems = problems;
  }

  allows(action: string, path: string): boolean {
    return this.#rules.some((rule) => rule.action === action && rule.matches(path));
  }

  /** Whether the action is permitted on at least one path. */
  has(action: string): boolean {
    return this.#rules.some((rule) => rule.action === action);
  }

  /** The permissions for people, such as `read door, playback, api`. */
  get words(): string {
    const shown = this.#rules.map(({ action, path }) =>
      path === '' || !ACTIONS_WITH_PATH.has(action) ? action : `${action} ${path}`,
    );
    return shown.length === 0 ? 'nothing' : shown.join(', ');
  }
}

/** Empty: every path; `~`: a regular expression that may match anywhere; else the name itself. */
function pathRule(rule: string, where: string, problems: string[]): (path: string) => boolean {
  if (rule === '') {
    return () => true;
  }
  if (!rule.startsWith('~')) {
    return (path) => path === rule;
  }
  try {
    const pattern = patternOf(rule);
    return (path) => pattern?.test(path) === true;
  } catch (error) {
    problems.push(`${where}: '${rule.slice(0, 200)}' matches nothing: ${explain(error)}`);
    return () => false;
  }
}

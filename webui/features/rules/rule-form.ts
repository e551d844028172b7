import type { ComponentChildren } from 'preact';
import { serverText } from '../../api-client/error-text.ts';
import { RequestError } from '../../api-client/request.ts';
import { FieldError, type Form } from '../../forms/form.ts';
import { serverForm } from '../../forms/server-form.ts';
import { changeRules, isSameRule, plainMessage, type Rule, withRule, wordOfMessage } from './rules-data.ts';
import { rulesWords } from './words.ts';

/** Messages by the word that they are about; the empty one is the whole rule. */
export type Wrong = Readonly<Record<string, ComponentChildren>>;
type RuleForm = Form<{ readonly rule: Rule }>;

interface RuleFormOptions {
  readonly initial: Rule;
  /** Undefined: the rule is new. */
  readonly saved: Rule | undefined;
  /** The rule as it is saved. */
  readonly finished: (rule: Rule) => Rule;
  /** The box does not accept it. */
  readonly onWrong: (wrong: Wrong) => void;
}

/** Saves a rule. What the box says about a word is shown at the word, the rest below the form. */
export function ruleForm({ initial, saved, finished, onWrong }: RuleFormOptions): RuleForm {
  let base = saved;
  /** @throws ChangedByOthers once for each change: the next time it is replaced */
  const unchanged = (all: readonly Rule[], wanted: Rule): readonly Rule[] => {
    const before = base;
    const now = before && all.find(({ name }) => name === before.name);
    if (now && !isSameRule(now, before) && !isSameRule(now, wanted)) {
      base = now;
      throw new ChangedByOthers();
    }
    return all;
  };
  return serverForm<{ readonly rule: Rule }>({
    initial: { rule: initial },
    save: async ({ rule }, _, change) => {
      const wanted = finished(rule);
      try {
        await changeRules((all) => withRule(unchanged(all, wanted), wanted, base?.name), change);
      } catch (error) {
        const wrong = wrongOf(error, rule);
        if (!wrong) {
          throw error;
        }
        onWrong(wrong);
        throw new FieldError('rule', '');
      }
    },
  });
}

/** Others have changed the rule since it was opened. */
class ChangedByOthers extends Error {}

function wrongOf(error: unknown, { actions }: Rule): Wrong | undefined {
  const { changedByOthers, rejected } = rulesWords.peek();
  if (error instanceof ChangedByOthers) {
    return { '': changedByOthers };
  }
  const word = error instanceof RequestError ? wordOfMessage(error.message, actions) : undefined;
  return word === undefined ? undefined : { [word]: serverText(rejected, plainMessage((error as Error).message)) };
}

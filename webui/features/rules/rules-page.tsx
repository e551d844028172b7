import { useState } from 'preact/hooks';
import { actionErrorText, serverText } from '../../api-client/error-text.ts';
import { fetchJson, RequestError } from '../../api-client/request.ts';
import { usePolled } from '../../api-client/use-polled.ts';
import { cameraTitle } from '../../cameras/camera-title.ts';
import { eventClause } from '../../cameras/event-kinds.ts';
import { nowMs } from '../../shell/page-state.ts';
import { Button } from '../../ui/controls/button.tsx';
import { toast } from '../../ui/feedback/toast.tsx';
import { Icon } from '../../ui/icons/icon.tsx';
import { SearchedList } from '../../ui/lists/searched-list.tsx';
import { i18n } from '../../words/i18n.ts';
import { lastRun, type RuleStatus } from './last-run.ts';
import { type Means, outputText, useMeans } from './means.ts';
import { type PathSettings, recordsAlways, usePathSettings } from './path-settings.ts';
import { ruleCameras } from './rule-cameras.ts';
import { RuleSheet } from './rule-sheet.tsx';
import {
  MAX_RULES,
  newDraft,
  RULES,
  type Rule,
  type RulesConfig,
  rulesOf,
  runAddress,
  STATUS,
  stopAddress,
} from './rules-data.ts';
import { ruleText, type SentenceContext, waitText } from './sentence.ts';
import { type Draft, suggestionsFor } from './suggestions.ts';
import { rulesWords } from './words.ts';

/** A rule that is edited; without `saved` it is new. */
interface Edited {
  readonly draft: Draft;
  readonly saved?: Rule;
}

/** The rules between cameras, each as one sentence. */
export function RulesPage() {
  const t = rulesWords.value;
  const { value, again } = usePolled<RulesConfig>(RULES, 'slow', { news: ['config'] });
  const { value: status, again: statusAgain } = usePolled<{ readonly items: readonly RuleStatus[] }>(STATUS, 'steady', {
    news: ['config'],
  });
  const means = useMeans();
  const paths = usePathSettings();
  const [edited, setEdited] = useState<Edited>();
  if (!value) {
    return <div class="skeleton block" />;
  }
  const rules = rulesOf(value);
  const context = contextOf(means);
  const changed = () => {
    again();
    statusAgain();
  };
  return (
    <>
      <section>
        <h2 class="visually-hidden">{t.rules}</h2>
        <p class="dim">{t.about}</p>
        {rules.length === 0 ? (
          <p class="no-rules">{t.noRules}</p>
        ) : (
          <SearchedList items={rules} textOf={(rule) => `${rule.name} ${ruleText(rule, context)}`}>
            {(found) => (
              <ul class="card rules">
                {found.map((rule) => (
                  <RuleItem
                    key={rule.name}
                    rule={rule}
                    text={ruleText(rule, context)}
                    status={status?.items.find(({ name }) => name === rule.name)}
                    onOpen={() => setEdited({ draft: rule, saved: rule })}
                    onRun={statusAgain}
                  />
                ))}
              </ul>
            )}
          </SearchedList>
        )}
        {rules.length < MAX_RULES && (
          <Button onClick={() => setEdited({ draft: newDraft(ruleCameras()[0]?.name) })}>{t.addRule}</Button>
        )}
      </section>
      {rules.length < MAX_RULES && (
        <Suggestions {...{ rules, paths, means, context }} onChoose={(draft) => setEdited({ draft })} />
      )}
      {edited && (
        <RuleSheet
          {...edited}
          taken={rules.map(({ name }) => name).filter((name) => name !== edited.saved?.name)}
          paths={paths}
          means={means}
          context={context}
          onChanged={changed}
          onClosed={() => setEdited(undefined)}
        />
      )}
    </>
  );
}

const contextOf = ({ byPath }: Means): SentenceContext => ({
  t: rulesWords.value,
  language: i18n().language,
  titleOf: cameraTitle,
  eventText: eventClause,
  outputText: (path, id) => outputText(byPath.get(path), id, rulesWords.value),
});

/** Too Many Requests: a rule that has just run waits. */
const TOO_SOON = 429;

interface RunAnswer {
  readonly results: readonly { readonly path: string | null; readonly problem: string | null }[];
}

interface ItemProps {
  readonly rule: Rule;
  readonly text: string;
  readonly status: RuleStatus | undefined;
  readonly onOpen: () => void;
  readonly onRun: () => void;
}

function RuleItem({ rule: { name }, text, status, onOpen, onRun }: ItemProps) {
  const t = rulesWords.value;
  const [isBusy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    try {
      const { results } = await fetchJson<RunAnswer>(runAddress(name), { method: 'POST', body: {} });
      const failed = results.find(({ problem }) => problem !== null);
      const { started, boxDidNot, didNot, reason } = rulesWords.peek();
      if (failed) {
        const text = failed.path === null ? boxDidNot : didNot(cameraTitle(failed.path));
        toast([text, ' ', serverText(reason, failed.problem ?? '')]);
      } else {
        toast(started(name));
      }
    } catch (error) {
      const waitS = error instanceof RequestError && error.status === TOO_SOON ? error.retryAfterS : undefined;
      toast(waitS === undefined ? actionErrorText(error) : rulesWords.peek().tooSoon(waitText(waitS, i18n().language)));
    }
    setBusy(false);
    onRun();
  };
  const stop = async () => {
    setBusy(true);
    await fetchJson(stopAddress(name), { method: 'POST', body: {} }).catch((error: unknown) =>
      toast(actionErrorText(error)),
    );
    setBusy(false);
    onRun();
  };
  const last = status && lastRun(status, nowMs.value, t, i18n(), cameraTitle);
  return (
    <li>
      <button class="row" type="button" aria-haspopup="dialog" onClick={onOpen}>
        <span class="grow">{text}</span>
        <Icon name="go" />
      </button>
      <div class="rule-state">
        <p class="small dim grow">
          <bdi>{name}</bdi>
          {last && (
            <>
              {' · '}
              {last.text}
            </>
          )}
          {last?.reasons.map((reason) => (
            <span class="warn" key={reason}>
              {serverText(t.reason, reason)}
            </span>
          ))}
        </p>
        {typeof status?.runningUntil === 'string' && (
          <Button kind="text" label={t.endNamed(name)} busy={isBusy && '…'} onClick={() => void stop()}>
            {t.end}
          </Button>
        )}
        <Button kind="text" label={t.runNamed(name)} busy={isBusy && '…'} onClick={() => void run()}>
          {t.run}
        </Button>
      </div>
    </li>
  );
}

interface SuggestionsProps {
  readonly rules: readonly Rule[];
  readonly paths: readonly PathSettings[] | undefined;
  readonly means: Means;
  readonly context: SentenceContext;
  readonly onChoose: (draft: Draft) => void;
}

function Suggestions({ rules, paths, means, context, onChoose }: SuggestionsProps) {
  const t = rulesWords.value;
  const known = ruleCameras().map(({ name: path, title }) => {
    const settings = paths?.find(({ name }) => name === path);
    return {
      path,
      title,
      means: means.byPath.get(path),
      isRecorded: settings !== undefined && recordsAlways(settings),
    };
  });
  // What a camera can do that has not answered yet would move the list.
  const drafts = means.isComplete && paths ? suggestionsFor(known, rules) : [];
  const looksForPersons = (path: string | undefined) =>
    paths?.some(({ name, objects }) => name === path && objects?.includes('person'));
  if (drafts.length === 0) {
    return null;
  }
  return (
    <section>
      <h3>{t.suggestions}</h3>
      <ul class="card rules">
        {drafts.map((draft) => {
          const text = ruleText({ name: '', ...draft }, context);
          return (
            <li key={text}>
              <button class="row" type="button" aria-haspopup="dialog" onClick={() => onChoose(draft)}>
                <span class="grow">{text}</span>
                <Icon name="plus" />
              </button>
            </li>
          );
        })}
      </ul>
      {!drafts.every(({ when }) => looksForPersons(when?.path)) && <p class="dim small">{t.needsObjects}</p>}
    </section>
  );
}

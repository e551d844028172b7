import type { SystemFacts } from '../../system/system-facts.ts';
import { CopyRow } from '../../ui/controls/copy-row.tsx';
import { systemWords } from '../../words/settings/system.ts';
import { signingWords } from './words.ts';

export function SigningKey({ facts }: { readonly facts: SystemFacts & { readonly signingKey?: string | null } }) {
  const t = signingWords.value;
  const { copyAction: action, keyCopied: done } = systemWords.value;
  return facts.signingKey ? (
    <CopyRow label={t.signingKey} text={facts.signingKey} hint={t.signingKeyHint} action={action} done={done} />
  ) : null;
}

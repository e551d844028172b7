import { session } from '../api-client/session.ts';
import { Icon } from '../ui/icons/icon.tsx';
import { systemWords } from '../words/settings/system.ts';

/** Warnings about the setup, at most two. Those without a code are in English only. */
export function SetupWarnings() {
  const { changesNotKept, dataNotKept, fileDamaged } = systemWords.value;
  const texts = { notSaved: changesNotKept, temporary: dataNotKept, damaged: fileDamaged };
  return session.value?.warnings.slice(0, 2).map(({ why, file, text }) => (
    <p class="notice" key={text}>
      <Icon name="alert" />
      {why === null ? <span lang="en">{text}</span> : <span>{texts[why](file ?? '')}</span>}
    </p>
  ));
}

import { chooseLanguage, LANGUAGES, type Language, language, words } from '../../words/words.ts';
import { Icon, Mark } from '../icons/icon.tsx';

export function LanguageChoice() {
  return (
    <label class="choice chip">
      <Icon name="globe" small />
      <span class="visually-hidden">{words.value.languageLabel}</span>
      <select
        value={language.value}
        onChange={(event) => {
          chooseLanguage(event.currentTarget.value as Language);
        }}
      >
        {LANGUAGES.map(({ code, name }) => (
          <option key={code} value={code} lang={code}>
            {name}
          </option>
        ))}
      </select>
      <Icon name="down" small />
    </label>
  );
}

/** Above the heading of a page before the login. */
export const EntryHead = () => (
  <>
    <LanguageChoice />
    <div class="hero">
      <Mark />
    </div>
  </>
);

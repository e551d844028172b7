interface ListSearchProps {
  readonly label: string;
  readonly text: string;
  readonly onInput: (text: string) => void;
}

/** Shorter lists have no search field. */
export const SEARCHED_FROM = 8;

export const ListSearch = ({ label, text, onInput }: ListSearchProps) => (
  <input
    class="finder-field"
    type="search"
    aria-label={label}
    placeholder={label}
    autocomplete="off"
    value={text}
    onInput={({ currentTarget }) => onInput(currentTarget.value)}
    // A form around it is not sent.
    onKeyDown={(event) => event.key === 'Enter' && event.preventDefault()}
  />
);

/** What is searched for. A list that became short has no field to empty. */
export const searchedText = (count: number, typed: string): string => (count < SEARCHED_FROM ? '' : typed);

export const hasText = (text: string, typed: string): boolean =>
  text.toLocaleLowerCase().includes(typed.trim().toLocaleLowerCase());

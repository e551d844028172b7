/** How the text of a camera's replies differs from what others write. */
export interface ReplyQuirks {
  /** Prefixes of the SOAP namespace: none at all, or gSOAP's. */
  prefixes?: 'none' | 'SOAP-ENV';
  /** Faults as SOAP 1.1 writes them. */
  faults?: '1.1';
  /** Every fault has this HTTP status. */
  faultStatus?: 200 | 400 | 401 | 403 | 500;
  /** Bytes before or after the document. */
  around?: 'line break before' | 'nulls behind' | 'byte order mark';
  /** Spoils every reply. */
  spoils?:
    | 'cut'
    | 'bare ampersands'
    | 'undeclared prefixes'
    | 'noise around'
    | 'no end'
    | 'document type'
    | 'entity bomb'
    | 'latin1'
    | 'utf16'
    | 'html'
    | 'empty'
    | 'other answer'
    | 'deep nesting';
}

/**
 * What the oracle complains about. `lost`: acknowledged, but missing; `duplicated`: one operation with two effects;
 * `gap`: a hole or a wrong order; `unwell`: the system did not heal by itself, or did not tell the truth meanwhile.
 */
export type Word = 'lost' | 'duplicated' | 'gap' | 'unwell';

export interface Finding {
  readonly word: Word;
  readonly what: string;
}

export function finding(word: Word, what: string): Finding {
  return { word, what };
}

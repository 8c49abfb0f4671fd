/**
 * Beginnings of names in the source that somebody has looked at: each is itself a name that its provider, or a gateway
 * in front of it, uses for exactly that model.
 */
export const reviewedAliases: readonly string[] = [
  'claude-3-5-haiku',
  'claude-3.5-haiku',
  'claude-3.5-sonnet',
  'claude-3-7-sonnet',
  'claude-3.7-sonnet',
  'claude-3-opus',
  'claude-haiku-4.5',
  'claude-opus-4.1',
  'claude-opus-4.5',
  'claude-opus-4.6',
  'claude-opus-4.7',
  'claude-opus-4.8',
  'claude-opus-5.5',
  'claude-sonnet-4.5',
  'claude-sonnet-4.6',
];

import { spellSpan } from '../span.ts';

export type PeriodRule = 'hourly' | 'daily' | 'weekly' | 'monthly' | 'yearly';

/** Why a snapshot is kept, or why one rule lets it go. */
export type Reason =
	| { readonly rule: 'pinned' | 'newest-good' | 'newest-verified' | 'no-policy' | 'future' | 'failed' | 'mendable' }
	| { readonly rule: 'replaced'; readonly by: string }
	| { readonly rule: 'within'; readonly ageMs: number; readonly withinMs: number }
	| { readonly rule: 'last'; readonly rank: number; readonly count: number }
	| {
			readonly rule: PeriodRule;
			/** As `Calendar.periodOf` names it. */
			readonly period: string;
			/** 1 is the newest period that has a snapshot. */
			readonly rank: number;
			/** How many periods the policy keeps. */
			readonly count: number;
			/** The newest complete snapshot of the period. */
			readonly holder: string;
	  };

export type Action = 'keep' | 'prune';

/** One sentence for the operator. */
export function sentenceOf(id: string, action: Action, reasons: readonly Reason[]): string {
	const verb = action === 'keep' ? 'is kept' : 'is pruned';
	return `${id} ${verb}: ${reasons.map((reason) => phraseOf(reason, id, action)).join('; ')}.`;
}

function phraseOf(reason: Reason, id: string, action: Action): string {
	switch (reason.rule) {
		case 'pinned':
			return 'it is pinned';
		case 'newest-good':
			return 'it is the newest good one';
		case 'newest-verified':
			return 'it is the newest verified one';
		case 'no-policy':
			return 'no rule is set, and so everything is kept';
		case 'future':
			return 'it is dated in the future';
		case 'failed':
			return 'it failed, and nothing can be recovered from it';
		case 'mendable':
			return 'it is damaged, and nothing newer is verified';
		case 'replaced':
			return `it is damaged, and ${reason.by} is newer and verified`;
		case 'within':
			return `it is ${action === 'keep' ? 'not ' : ''}older than ${spellSpan(reason.withinMs)}`;
		case 'last':
			return action === 'keep'
				? `it is the ${ordinal(reason.rank)} of the last ${reason.count}`
				: `it is the ${ordinal(reason.rank)}, and the policy keeps the last ${reason.count}`;
		default:
			return phraseOfPeriod(reason, id, action);
	}
}

const WORDS: Readonly<Record<PeriodRule, string>> = {
	hourly: 'hour',
	daily: 'day',
	weekly: 'week',
	monthly: 'month',
	yearly: 'year',
};

function phraseOfPeriod(reason: Extract<Reason, { period: string }>, id: string, action: Action): string {
	const { rule, period, rank, count, holder } = reason;
	const named = `the ${WORDS[rule]} ${period}`;
	if (action === 'keep') return `it holds ${named}, the ${ordinal(rank)} of ${count}`;
	if (holder !== id) return `${named} is held by ${holder}`;
	return `${named} is the ${ordinal(rank)}, and the policy keeps ${count}`;
}

function ordinal(rank: number): string {
	const teens = rank % 100 > 10 && rank % 100 < 14;
	return `${rank}${(teens ? undefined : ['th', 'st', 'nd', 'rd'][rank % 10]) ?? 'th'}`;
}

// The search within a trace, which the server answers: it has the attributes.
import type { Lane } from "./linked";

interface Found { rows: number[]; n_rows: number }
interface Problem { problem: string }

/** The rows of `lanes` that match `text`, or a sentence on why it cannot be told. */
export async function search(lanes: Lane[], text: string): Promise<number[] | Problem> {
  if (text.trim() === "") return [];
  try {
    const query = encodeURIComponent(text.trim());
    const found = await Promise.all(lanes.map(async ({ trace, first, end }) => {
      const answer = await fetch(`/traces/${trace}/find?q=${query}`);
      if (!answer.ok) return { problem: (await answer.text()).trim() };
      const outcome = (await answer.json()) as Found | Problem;
      if ("problem" in outcome) return outcome;
      if (outcome.n_rows !== end - first) return { problem: "The trace has grown: load the page again" };
      return outcome.rows.map((row) => row + first);
    }));
    return found.find((it) => "problem" in it) ?? (found as number[][]).flat();
  } catch (error) {
    return { problem: String(error) };
  }
}

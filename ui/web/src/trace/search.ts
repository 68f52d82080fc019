// The search within a trace, which the server answers: it has the attributes.

interface Found { rows: number[]; n_rows: number }
interface Problem { problem: string }

/** The rows that match `text`, or a sentence on why it cannot be told. */
export async function search(address: string, text: string): Promise<Found | Problem> {
  if (text.trim() === "") return { rows: [], n_rows: 0 };
  try {
    const answer = await fetch(`${address}?q=${encodeURIComponent(text.trim())}`);
    if (!answer.ok) return { problem: (await answer.text()).trim() };
    return (await answer.json()) as Found | Problem;
  } catch (error) {
    return { problem: String(error) };
  }
}

"""The generalisation bound of Theorem 5.1 and the covering numbers of Lemma B.2."""

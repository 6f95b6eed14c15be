package referral

// UsersInMemory returns the number of users of whom calls run.
func (s *Service) UsersInMemory() int {
	s.users.mu.Lock()
	defer s.users.mu.Unlock()
	return len(s.users.lines)
}
